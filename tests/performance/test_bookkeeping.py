"""What a study of a thousand runs takes besides its runs, which are copies of a few real ones."""

import json
import shutil
import time
from itertools import pairwise
from statistics import median

import pytest

from bench.execution import executors
from bench.execution.coordinator import Coordinator
from bench.execution.executors.base import Completion
from bench.execution.executors.local import LocalExecutor
from bench.execution.opening import open_context
from bench.execution.optuna_storage import storage_of
from bench.execution.state import StudyState
from bench.execution.worker import Worker
from bench.storage.artifacts import Artifacts
from bench.storage.files import write_json
from bench.storage.records import RunFolder
from bench.study.arms import resolve_arms
from bench.study.schema import Study, parse_study

ARMS, TRIALS, SEEDS = 66, 10, 5


def study(arms: int, **changes) -> Study:
    return parse_study(
        {
            "name": "large",
            "title": "A thousand runs",
            "collection": "pydocs(documents=300)",
            "seeds": list(range(1, SEEDS + 1)),
            "baseline": "arm 0",
            "budget": {"examples": 160},
            "training": {"batch_size": 8},
            "evaluation": {"points": 20, "pool": 20},
            "tuning": {"trials": TRIALS, "sampler": "random", "space": {"learning_rate": RATES}},
            "defaults": {"student": "truncated(layers=1, max_length=16)"},
            "keep_students": False,
            "arms": [
                {"name": f"arm {at}", "loss": f"infonce(temperature={0.05 + at / 10**4})"}
                for at in range(arms)
            ],
        }
        | changes,
        "large",
    )


RATES = {"low": 1e-5, "high": 1e-3, "log": True}


class Copier:
    """An executor that trains one run of each role, and copies it for all others."""

    slots = 1

    def __init__(self, worker) -> None:
        self._local = LocalExecutor(worker)
        self._out = worker._out
        self._real: dict[str, RunFolder] = {}
        self._ended: list[Completion] = []
        self.times: dict[str, list[float]] = {"tuning": [], "final": [], "reference": []}

    def submit(self, task) -> None:
        folder, role = RunFolder(self._out / "runs" / task.run), task.job.role
        self.times[role].append(time.perf_counter())
        if role == "reference" or role not in self._real:
            self._real[role] = folder
            self._local.submit(task)
            self._ended += self._local.completed(0)
            return
        shutil.copytree(self._real[role].path, folder.path)
        record = json.loads((folder.path / "run.json").read_text())
        write_json(folder.path / "run.json", {**record, "id": task.run})
        self._ended.append(Completion(task))

    def completed(self, timeout):
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        pass


@pytest.fixture
def copiers(monkeypatch) -> list[Copier]:
    made: list[Copier] = []

    def create(study, arms, context, out):
        made.append(Copier(Worker(study, arms, out, context)))
        return made[-1]

    monkeypatch.setattr(executors, "create_executor", create)
    return made


def test_a_thousand_runs_are_kept_account_of(copiers, tmp_path):
    def carry_out() -> float:
        since = time.perf_counter()
        outcome = Coordinator(study(ARMS), tmp_path / "out", tmp_path / "artifacts", None).run()
        assert not outcome.failed
        print(f"{outcome.done_now} runs now, {outcome.done_before} before")
        return time.perf_counter() - since

    carry_out()
    for role in ("tuning", "final"):
        gaps = [after - before for before, after in pairwise(copiers[0].times[role][2:])]
        early, late = median(gaps[:100]), median(gaps[-100:])
        print(f"{role}: {1000 * early:.1f} ms one of the first, {1000 * late:.1f} ms of the last")
        assert late < 1.5 * early
    again = carry_out()
    print(f"nothing to do: {again:.1f} s")
    assert again < 5


def test_a_thousand_jobs_are_given_out_at_once(tmp_path):
    """What is to be done next, and which run that is."""
    asked = study(200, tuning={})
    arms = resolve_arms(asked)
    artifacts = Artifacts(tmp_path / "artifacts")
    context = open_context(asked, artifacts)
    since = time.perf_counter()
    state = StudyState(asked, arms, context, tmp_path / "out", storage_of(tmp_path / "out", None))
    ids = set()
    for job in state.agenda.ready():
        state.agenda.begin(job)
        ids.add(state.id(job, state.choose(job)))
        state.agenda.finish(job)
    seconds = time.perf_counter() - since
    print(f"{len(ids)} jobs: {seconds:.1f} s")
    assert len(ids) == 2 + 200 * SEEDS
    assert seconds < 5
