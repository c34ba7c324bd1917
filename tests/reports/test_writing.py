"""The report's files: all there, whole, and the same bytes each time."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from reports import write_report

pytestmark = pytest.mark.slow

AGAIN = """
import sys
import bench.results, reports
assert "torch" not in sys.modules, "import reports loads torch"
reports.write_report(bench.results.load_results(sys.argv[1]))
for heavy in ("torch", "transformers", "optuna", "mlflow", "matplotlib.pyplot"):
    assert heavy not in sys.modules, heavy
rooms = ("losses", "teachers", "students", "samplers", "generators", "collections", "training")
for room in (*rooms, "execution"):
    assert f"bench.{room}" not in sys.modules, room
"""


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_file_is_there_and_the_same_from_another_process_without_torch(results):
    page = write_report(results)
    folder = results.folder / "report"
    first = _files(folder)
    expected = {f"figures/{name}.{end}" for name in _FIGURES for end in _FIGURE_FILES}
    expected |= {f"tables/{name}.{end}" for name in _TABLES for end in ("csv", "md", "tex")}
    assert page == folder / "index.html"
    assert set(first) == expected | {"index.html"}
    assert all(first.values())
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", AGAIN, str(results.folder)]
    subprocess.run(command, check=True, env=environment)
    assert _files(folder) == first


_FIGURES = (
    *("ablation", "convergence", "costs", "data-efficiency", "retention"),
    *("speed-up", "time-to-quality", "tuning"),
)
_FIGURE_FILES = ("png", "svg", "pdf", "csv")
_TABLES = (
    *("results", "comparison", "to-target", "speed", "speed-by-trials", "retention"),
    *("arms", "charges", "tuning", "costs", "artifacts"),
)


def test_a_report_replaces_an_older_one(results):
    stale = results.folder / "report" / "stale.txt"
    stale.parent.mkdir()
    stale.touch()
    write_report(results)
    assert not stale.exists()
    assert not list(results.folder.glob(".*.part"))


def test_csv_files_hold_every_digit(results):
    folder = write_report(results).parent
    table = pd.read_csv(folder / "tables" / "results.csv").set_index("arm")
    done = results.summary.query("role == 'final' and arm == 'margin-mse'")
    assert table.loc["margin-mse", "nDCG@10"] == done["nDCG@10"].mean()
    shown = pd.read_csv(folder / "figures" / "convergence.csv")
    assert set(shown["nDCG@10"]) <= set(results.curves["nDCG@10"])
