"""Tables that are damaged are said to be, before anything is concluded from what is left."""

import shutil
from pathlib import Path

import pytest

from bench.errors import InputError
from bench.results import load_results
from reports.analysis.base import Analysis
from reports.analysis.validity import warnings
from tests.support.command_line import call

STUDY = Path(__file__).parents[2] / "reports" / "gallery" / "quickstart"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(STUDY, tmp_path / "s", ignore=shutil.ignore_patterns("report")))


def _cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("summary.csv", lambda path: _cut(path, 700), "summary.csv cannot be read"),
        ("summary.csv", lambda path: path.write_bytes(b"\xff\xfe\x00\x01"), "cannot be read"),
        ("summary.csv", lambda path: path.write_text(""), "cannot be read"),
        ("summary.csv", lambda path: path.write_text("a;b\n1;2\n"), "there is no column 'study'"),
        ("curves.csv", lambda path: _cut(path, 3000), "curves.csv cannot be read: nothing is in"),
        ("curves.csv", lambda path: path.unlink(), "curves.csv cannot be read"),
        ("ledger.csv", lambda path: path.write_text(""), "ledger.csv cannot be read"),
        ("ledger.csv", lambda path: _cut(path, 3000), "`bench run` makes it again"),
    ],
)
def test_a_damaged_table_is_one_line_and_code_2(folder, capsys, name, damage, message):
    damage(folder / name)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        load_results(folder)
    code, _, told = call(capsys, "report", str(folder))
    assert code == 2
    assert told.strip().count("\n") == 0
    assert not (folder / "report").exists()


def test_a_summary_without_rows_is_nothing_finished(folder):
    path = folder / "summary.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="nothing is finished here yet"):
        load_results(folder)


def test_a_damaged_table_by_query_is_refused_and_a_missing_one_warned_of(folder):
    whole = load_results(folder)
    assert not [warning for warning in warnings(Analysis.of(whole)) if "are missing" in warning]
    run = whole.dev.loc[whole.dev["role"] == "final", "run"].iloc[0]
    path = folder / "runs" / run / "dev.parquet"
    _cut(path, 100)
    with pytest.raises(InputError, match=r"dev.parquet is damaged"):
        load_results(folder)
    path.unlink()
    found = warnings(Analysis.of(load_results(folder)))
    assert any(one.startswith("Values by query are missing (dev.parquet) of 1 of") for one in found)


def test_students_that_training_did_not_better_are_warned_of(folder):
    (told,) = (
        one for one in warnings(Analysis.of(load_results(folder))) if "untrained student" in one
    )
    assert told.endswith("of adaptive-margin (3 of 3), distributed-margin (2 of 3).")
