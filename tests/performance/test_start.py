"""What a user waits for beside the training: starts, evaluations, records."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomli_w

from bench.results import load_results
from tests.performance.pairs import PAIRS
from tests.performance.setting import kept_artifacts

FIRST_STEP = Path(__file__).with_name("first_step.py")
BENCH = Path(sys.executable).with_name("bench")

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


def seconds(*command: object) -> float:
    since = time.perf_counter()
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return time.perf_counter() - since


@pytest.mark.parametrize(("command", "most"), [("--help", 0.5), ("plan quickstart", 1.5)])
def test_commands(table, command, most):
    seconds(BENCH, *command.split())  # files that are read come from the cache then
    found = [seconds(BENCH, *command.split()) for _ in range(PAIRS)]
    table.add_value(f"bench {command}, seconds", found, most)


def test_first_step(table, tmp_path):
    command = (sys.executable, FIRST_STEP, "quickstart", tmp_path / "out", kept_artifacts().root)
    seconds(*command)  # what it prepares is there then
    found = [seconds(*command) for _ in range(PAIRS)]
    table.add_value("bench run quickstart until its first step, warm, seconds", found, 6)


def test_what_is_not_training(table, tmp_path):
    file, out = tmp_path / "quick.toml", tmp_path / "out"
    file.write_text(tomli_w.dumps(QUICK))
    command = (BENCH, "run", file, "--out", out, "--artifacts", kept_artifacts().root)
    seconds(*command, "--no-mlflow")
    shutil.rmtree(out)  # what it prepared is there now
    seconds(*command, "--no-mlflow")
    ledger = load_results(out).ledger
    own = ledger[(ledger["what"] == "run") & (ledger["role"] == "final")]
    found = []
    for _, run in own.groupby("seed"):
        spent = run.groupby("phase")["seconds"].sum()
        found.append(float(spent.drop("train").sum() / spent["train"]))
    table.add_value("what is not training in a run of the quickstart's kind", found, 0.5)
