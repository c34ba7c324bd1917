"""The journal spares reading folders, and never says anything else than they do."""

import math
import shutil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import InputError
from bench.storage.finished_run import FinishedRun
from bench.storage.journal import JOURNAL, Journal
from bench.storage.ledger import Bill
from bench.storage.records import RunFolder

RECORD = {
    "specification": {"seed": 1},
    "examples": 8,
    "steps": 1,
    "best_point": 1,
    "environment": {},
    "collection": {},
}
IDS = [f"{number:016x}" for number in range(4)]


def write_run(out, id: str, value: float = 0.5, status: str = "done") -> RunFolder:
    folder = RunFolder(out / "runs" / id)
    folder.path.mkdir(parents=True, exist_ok=True)
    points = [{"point": at, "examples": 8 * at, "nDCG@10": value + at} for at in (0, 1)]
    points[1]["loss"] = math.nan
    folder.write_table("curve", pd.DataFrame(points))
    folder.write_bills([Bill("train", "run", 1 / 3, examples=8)])
    queries = {"part": ["test"] * 3, "query": ["a", "b", "c"], "nDCG@10": [value, 0.1, 1 / 3]}
    folder.write_table("queries", pd.DataFrame(queries))
    error = {"error": "ValueError: no"} if status == "failed" else {}
    folder.finish({"status": status, **RECORD, **error})
    return folder


def same(one: FinishedRun, other: FinishedRun) -> bool:
    return repr(one) == repr(other)  # NaN is not equal to itself


@pytest.fixture
def out(tmp_path):
    for id in IDS:
        write_run(tmp_path, id, value=0.1 + 0.2)
    return tmp_path


def fill(out) -> Journal:
    journal = Journal(out)
    journal.begin({"name": "toy"})
    for number, run in enumerate(journal.all()):
        journal.add(run)
        journal.assign(("final", "a", 1.0, -1, number), run.id)
    return journal


def test_what_is_read_back_is_what_the_folder_has(out, monkeypatch):
    read = [FinishedRun.read(RunFolder(out / "runs" / id)) for id in IDS]
    assert read[0].means["test"]["nDCG@10"] == pd.Series([0.1 + 0.2, 0.1, 1 / 3]).mean()
    fill(out)
    monkeypatch.setattr(FinishedRun, "read", None)  # nothing of a finished run is read again
    again = Journal(out)
    assert all(map(same, again.all(), read))
    assert again.jobs == {("final", "a", 1.0, -1, at): id for at, id in enumerate(IDS)}


def test_nothing_is_written_twice(out):
    fill(out)
    content = (out / JOURNAL).read_bytes()
    fill(out)
    assert (out / JOURNAL).read_bytes() == content
    assert content.count(b"\n") == 1 + 2 * len(IDS)


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 1))
def test_a_torn_line_is_ignored_and_written_again(tmp_path_factory, share):
    out = tmp_path_factory.mktemp("torn")
    for id in IDS:
        write_run(out, id)
    fill(out)
    whole = (out / JOURNAL).read_bytes()
    (out / JOURNAL).write_bytes(whole[: int(share * len(whole))])
    torn = Journal(out)
    assert [run.id for run in torn.all()] == IDS
    assert torn.jobs.items() <= Journal(out).jobs.items() or not torn.jobs
    fill(out)
    again = Journal(out)
    assert again.jobs == {("final", "a", 1.0, -1, at): id for at, id in enumerate(IDS)}


def test_a_run_whose_files_changed_is_read_again(out):
    fill(out)
    folder = RunFolder(out / "runs" / IDS[0])
    table = folder.table("curve").assign(**{"R@100": [0.25, 0.5]})
    folder.write_table("curve", table)
    (out / "runs" / IDS[1] / "queries.parquet").unlink()
    shutil.rmtree(out / "runs" / IDS[2])
    (out / "runs" / IDS[3] / "run.json").unlink()
    journal = Journal(out)
    assert journal.find(IDS[0]).curve[1]["R@100"] == 0.5
    assert journal.find(IDS[1]).means == {}
    assert journal.find(IDS[2]) is journal.find(IDS[3]) is None
    assert [run.id for run in journal.all()] == IDS[:2]
    (out / "runs" / IDS[1] / "run.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        journal.find(IDS[1])


def test_a_failed_run_needs_no_tables(out):
    folder = RunFolder(out / "runs" / "f")
    folder.path.mkdir()
    folder.finish({"status": "failed", "error": "ValueError: no", "tries": 2})
    journal = fill(out)
    run = journal.find("f")
    assert (run.status, run.tries, run.curve, run.bills) == ("failed", 2, [], [])
    assert same(Journal(out).find("f"), run)


def test_another_study_forgets_which_runs_its_jobs_had(out):
    journal = fill(out)
    journal.begin({"name": "toy"})
    assert len(journal.jobs) == len(IDS)
    journal.begin({"name": "other"})
    assert journal.jobs == Journal(out).jobs == {}
    assert [run.id for run in Journal(out).all()] == IDS


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "nonsense", '{"format": 2, "run": {}}', '{"format": 1, "run": {}}']
)
def test_lines_of_other_versions_are_ignored(line, out):
    fill(out)
    with (out / JOURNAL).open("a") as stream:
        stream.write(line + "\n")
    journal = Journal(out)
    assert [run.id for run in journal.all()] == IDS
    assert len(journal.jobs) == len(IDS)
