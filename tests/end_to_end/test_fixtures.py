"""Results of released versions, committed as they were written: they must stay readable."""

import shutil
from pathlib import Path

import optuna
import pandas as pd
import pytest

import bench as public
from bench.errors import InputError
from bench.execution.coordinator import Coordinator
from bench.execution.optuna_storage import storage_url
from bench.execution.past import read_all
from bench.storage.records import RunFolder
from bench.study.file import load_study
from tests.support.command_line import call

pytestmark = pytest.mark.slow

RESULTS = Path(__file__).parents[1] / "fixtures" / "results"


@pytest.fixture(params=sorted(path.name for path in RESULTS.iterdir()))
def kept(request, tmp_path) -> Path:
    """A copy of a version's results: nothing may write to the kept ones."""
    return Path(shutil.copytree(RESULTS / request.param, tmp_path / request.param))


def test_its_tables_read(kept):
    results = public.load_results(kept)
    assert results.study.name == "study"
    finals = results.summary.query("role == 'final'")
    assert set(finals["arm"]) == {"adaptive-margin", "static-margin", "margin-mse"}
    assert (finals.groupby("arm").size() == 2).all()
    numbers = ["nDCG@10", "RR@10 (test-unseen)", "cold_seconds", "tuned_seconds", "parameters"]
    assert finals[numbers].notna().all(axis=None)
    assert (results.summary.query("arm == 'fails'")["status"] == "failed").all()
    assert {"bm25", "untrained", "teacher"} <= set(results.summary.query("trial == -1")["arm"])
    assert set(results.queries["part"]) == {"test", "test-unseen"}
    assert results.curves.query("arm == 'margin-mse' and role == 'final'")["examples"].max() == 64
    means = results.queries.query("part == 'test'").groupby("run")["nDCG@10"].mean()
    assert means[finals["run"]].to_numpy() == pytest.approx(finals["nDCG@10"].to_numpy())


def test_its_records_read(kept):
    rows = pd.read_csv(kept / "summary.csv")
    for run in rows.query("status == 'done'")["run"]:
        folder = RunFolder(kept / "runs" / run)
        assert folder.record()["specification"]["format"] >= 1
        assert folder.bills()
        assert {"point", "examples", "nDCG@10"} <= set(folder.table("curve"))
    assert RunFolder(kept / "runs" / rows.query("status == 'failed'")["run"].iloc[0]).record()
    names = optuna.get_all_study_names(storage_url(kept))
    assert len(names) == 4


def test_the_commands_read_it(kept, capsys):
    for command, said in {
        "report": "report",
        "status": "nothing is missing",
        "bill": "margin-mse",
    }.items():
        code, output, told = call(capsys, command, str(kept))
        assert code == 0, told
        assert said in output + told
    assert (kept / "report" / "index.html").is_file()
    assert len(read_all(kept)) >= 9


def test_the_study_goes_on_there(kept, tmp_path):
    """Its own runs are of an older collection, perhaps; what they left is kept all the same."""
    study = load_study(str(RESULTS.parent / "study.toml"), ["arms=[{loss='adaptive-margin'}]"])
    with pytest.raises(InputError, match="no arm is named 'margin-mse'"):
        Coordinator(study, kept, tmp_path / "artifacts", None)
    before = {path.name for path in (kept / "runs").iterdir()}
    settings = ["tuning.trials=0", "tuning.space={}", "baseline='adaptive-margin'"]
    study = load_study(
        str(RESULTS.parent / "study.toml"), [*settings, "arms=[{loss='adaptive-margin'}]"]
    )
    outcome = Coordinator(study, kept, tmp_path / "artifacts", None).run()
    assert not outcome.failed
    assert before <= {path.name for path in (kept / "runs").iterdir()}
    assert outcome.others >= len(before) - 4
