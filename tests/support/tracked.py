"""A study of three runs that is carried out with MLflow, and what is there afterwards."""

from pathlib import Path

from mlflow import MlflowClient

from bench.execution.coordinator import Coordinator
from bench.execution.tracking.experiment import FOLDER_TAG, KIND_TAG
from bench.study.schema import Study

RUNS = 3
"""A final run and two reference rows."""


def one_run(toy_values: dict) -> dict:
    """The values of the toy study with a single run to train."""
    arms = [{"loss": "adaptive-margin", "name": "only"}]
    return {**toy_values, "arms": arms, "baseline": "only", "seeds": [1], "tuning": {}}


def carry_out(study: Study, out: Path, uri: str) -> Coordinator:
    coordinator = Coordinator(study, out, out.parent / "artifacts", uri)
    (out / "report").mkdir(parents=True, exist_ok=True)
    (out / "report" / "index.html").write_text(f"of {out.name}")
    coordinator.run(lambda: coordinator.log_report(out / "report"))
    return coordinator


def logged(store: str) -> dict[tuple[str, str], list]:
    """Runs by folder and kind."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("toy")
    found: dict[tuple[str, str], list] = {}
    for run in client.search_runs([experiment.experiment_id]):
        tags = run.data.tags
        key = (Path(tags.get(FOLDER_TAG, "")).name, tags[KIND_TAG])
        found.setdefault(key, []).append(run)
    return found
