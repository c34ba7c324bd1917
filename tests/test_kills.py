"""Killed at any moment, the same command goes on, and the tables are those of a quiet run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from bench.results import TIMED
from tests.conftest import bench

KILLS = 6


def tables(out: Path) -> dict[str, bytes]:
    """The finished tables' bytes without the columns of seconds."""
    summary = pd.read_csv(out / "summary.csv", dtype=str).drop(columns=list(TIMED))
    curves = pd.read_csv(out / "curves.csv", dtype=str).drop(columns="train_seconds")
    found = {"summary": summary.to_csv().encode(), "curves": curves.to_csv().encode()}
    for run in sorted((out / "runs").iterdir()):
        for name in ("queries.parquet", "rankings.parquet", "test.trec.gz"):
            if (run / name).exists():
                found[f"{run.name}/{name}"] = (run / name).read_bytes()
    return found


@pytest.fixture(scope="module")
def toy(tmp_path_factory, collection_folder, tiny_model) -> Path:
    import tomli_w

    from tests.conftest import study_values

    folder = tmp_path_factory.mktemp("kills")
    (folder / "toy.toml").write_text(tomli_w.dumps(study_values(collection_folder, tiny_model)))
    return folder


@pytest.fixture(scope="module")
def undisturbed(toy) -> tuple[dict[str, bytes], float]:
    since = time.monotonic()
    result = bench("run", "toy.toml", "--out", "quiet", "--artifacts", "a", "--no-mlflow", cwd=toy)
    assert result.returncode == 0, result.stderr
    return tables(toy / "quiet"), time.monotonic() - since


def test_kill_anywhere_gives_the_same_tables(toy, undisturbed):
    wanted, seconds = undisturbed
    draw = random.Random(7)
    command = [sys.executable, "-m", "bench", "run", "toy.toml", "--out", "killed"]
    command += ["--artifacts", "b", "--no-mlflow"]
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command,
            cwd=toy,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=draw.uniform(0.2, 0.6) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed >= 2, "the study is too short to be killed"
    result = bench(*command[3:], cwd=toy)
    assert result.returncode == 0, result.stderr
    found = tables(toy / "killed")
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name] == wanted[name], name


def test_ctrl_c_stops_with_a_word(toy, undisturbed):
    command = [sys.executable, "-m", "bench", "run", "toy.toml", "--out", "stopped", "--no-mlflow"]
    process = subprocess.Popen(
        command,
        cwd=toy,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # What a shell starts in the background ignores it, and so would this process's children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stderr:
        if line.startswith("[4/15]"):
            process.send_signal(signal.SIGINT)
            break
    told = process.stderr.read()
    assert process.wait() == 1
    assert "stopped; nothing is lost, the same command goes on" in told
    assert "Traceback" not in told


def test_nothing_finished_is_done_again(toy, undisturbed):
    records = {
        path: path.stat().st_mtime_ns
        for path in (toy / "quiet" / "runs").rglob("*")
        if path.is_file()
    }
    result = bench("run", "toy.toml", "--out", "quiet", "--artifacts", "a", "--no-mlflow", cwd=toy)
    assert result.returncode == 0, result.stderr
    assert "0 runs done now, 15 were there before" in result.stderr
    assert records == {
        path: path.stat().st_mtime_ns
        for path in (toy / "quiet" / "runs").rglob("*")
        if path.is_file()
    }
    assert tables(toy / "quiet") == undisturbed[0]
