"""What a user waits for beside the training: starts, evaluations, records."""

import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

import pandas as pd
import pytest
import tomli_w

from bench.results import load_results
from tests.performance.commands import BENCH, seconds
from tests.performance.pairs import PAIRS
from tests.performance.setting import kept_artifacts

FIRST_STEP = Path(__file__).with_name("first_step.py")

QUICK = {
    "name": "quick",
    "title": "A run of the quickstart's kind",
    "collection": "pydocs(documents=1500)",
    "seeds": [1, 2, 3, 4, 5],
    "test": ["test", "test-unseen"],
    "baseline": "infonce",
    "budget": {"examples": 320},
    "training": {"batch_size": 32, "warmup": 0.1},
    "evaluation": {"points": [0.2, 0.5, 1.0], "pool": 100},
    "defaults": {"student": "truncated(layers=2, max_length=32)"},
    "arms": [{"name": "infonce", "loss": "infonce"}],
}


BUSY = "import torch; x = torch.randn(2000, 2000)\nwhile True: x @ x"


@pytest.mark.parametrize(("command", "most"), [("--help", 0.5), ("plan quickstart", 1.5)])
def test_commands(table, command, most):
    seconds(BENCH, *command.split())  # files that are read come from the cache then
    found = [seconds(BENCH, *command.split()) for _ in range(PAIRS)]
    row = table.at_most(f"bench {command}, seconds", found, most)
    assert row.reached, row


def test_first_step(table, tmp_path):
    command = (sys.executable, FIRST_STEP, "quickstart", tmp_path / "out", kept_artifacts().root)
    seconds(*command)  # what it prepares is there then
    found = [seconds(*command) for _ in range(PAIRS)]
    row = table.at_most("bench run quickstart until its first step, warm, seconds", found, 6)
    assert row.reached, row


@pytest.fixture
def trained(tmp_path):
    """Carries out a study and returns the seconds of each of its final runs, by phase."""

    def carry_out() -> list[pd.Series]:
        file, out = tmp_path / "quick.toml", tmp_path / "out"
        file.write_text(tomli_w.dumps(QUICK))
        shutil.rmtree(out, ignore_errors=True)
        artifacts = kept_artifacts().root
        seconds(BENCH, "run", file, "--out", out, "--artifacts", artifacts, "--no-mlflow")
        ledger = load_results(out).ledger
        own = ledger[(ledger["role"] == "final") & ~ledger["phase"].isin(["prepare", "read"])]
        return [run.groupby("phase")["seconds"].sum() for _, run in own.groupby("seed")]

    carry_out()  # what it prepares is there then
    return carry_out


def test_what_is_not_training(table, trained):
    shares = [float(spent.drop("train").sum() / spent["train"]) for spent in trained()]
    row = table.at_most("what is not training in a run of the quickstart's kind", shares, 0.5)
    assert row.reached, row


def test_beside_a_busy_process(table, trained):
    alone = median(spent["train"] for spent in trained())
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        beside = [float(spent["train"] / alone) for spent in trained()]
    finally:
        busy.kill()
        busy.wait()
    row = table.at_most("training beside a busy process, as a multiple of alone", beside, 2.5)
    assert row.reached, row
