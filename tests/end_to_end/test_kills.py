"""Killed at any moment, the same command goes on, and the tables are those of a quiet run."""

import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import optuna
import pandas as pd
import pytest
import tomli_w

from bench.execution.proposals import storage_url
from bench.results import TIMED
from tests.conftest import bench, study_values
from tests.support.crash_injection import Script, die_by, finish, said, start

KILLS = 25
WHEN = ("before", "after")


def tables(out: Path) -> dict[str, bytes]:
    """The finished tables' bytes without the columns of seconds, and what the runs keep."""
    summary = pd.read_csv(out / "summary.csv", dtype=str).drop(columns=list(TIMED))
    curves = pd.read_csv(out / "curves.csv", dtype=str).drop(columns="train_seconds")
    ledger = pd.read_csv(out / "ledger.csv", dtype=str).drop(columns=["seconds", "reused"])
    # What was done twice is on the bill, and a clock is there from when it first ran.
    ledger = ledger[ledger["phase"] != "wasted"].sort_values(list(ledger.columns))
    found = {
        "summary": summary.to_csv().encode(),
        "curves": curves.to_csv().encode(),
        "ledger": ledger.to_csv(index=False).encode(),
    }
    for run in sorted((out / "runs").iterdir()):
        kept = ("queries.parquet", "dev.parquet", "rankings.parquet", "test.trec.gz")
        students = (path for path in (run / "student").rglob("*") if path.is_file())
        for path in [*(run / name for name in kept), *students]:
            if path.exists():
                found[str(path.relative_to(out))] = path.read_bytes()
    return found


def assert_same(out: Path, wanted: dict[str, bytes]) -> None:
    found = tables(out)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert not [*out.rglob("*.part")]


def states(out: Path) -> list[Counter[str]]:
    """How the trials of each arm ended."""
    url = storage_url(out)
    return [
        Counter(
            trial.state.name for trial in optuna.load_study(study_name=name, storage=url).trials
        )
        for name in sorted(optuna.get_all_study_names(url))
    ]


def crossed(collection: Path, model: Path) -> dict:
    """A study with something of everything that is written while it runs."""
    teacher = {"name": "bi-encoder", "model": str(model), "max_length": 32}
    tuned = teacher | {"fine_tune": True, "examples": 32, "batch_size": 8, "negatives": 2}
    values = study_values(collection, model)
    space = {"margin": {"low": 0.1, "high": 1.0}}
    values["tuning"] = {"trials": 3, "pruner": "successive-halving"}
    return values | {
        "seeds": [1],
        "budget": {"examples": 48},
        "arms": [
            {"loss": "static-margin", "sampler": "mined(by='student', refresh=2)", "space": space},
            {"loss": "margin-mse", "name": "margin-mse", "teacher": tuned},
            {"loss": "adaptive-margin"},
        ],
    }


@pytest.fixture(scope="module")
def toy(tmp_path_factory, collection_folder, tiny_model) -> Path:
    folder = tmp_path_factory.mktemp("kills")
    values = {"toy": study_values, "crossed": crossed}
    for name, study in values.items():
        (folder / f"{name}.toml").write_text(tomli_w.dumps(study(collection_folder, tiny_model)))
    assert finish(folder, "list", "studies")[0] == 0  # by now the fork server stands
    return folder


def run(study: str, out: str, artifacts: str) -> list[str]:
    return ["run", f"{study}.toml", "--out", out, "--artifacts", artifacts, "--no-mlflow"]


@pytest.fixture(scope="module")
def undisturbed(toy) -> tuple[dict[str, bytes], float]:
    since = time.monotonic()
    code, told = finish(toy, *run("toy", "quiet", "a"))
    assert code == 0, told
    return tables(toy / "quiet"), time.monotonic() - since


def test_kill_anywhere_gives_the_same_tables(toy, undisturbed):
    wanted, seconds = undisturbed
    draw = random.Random(7)
    killed = finished = 0
    while True:
        command = run("toy", f"killed-{finished}", f"b-{finished}")
        process = start(toy, *command)
        # A few studies' time in all: what is late in a study is met as often as what is early.
        process.join(draw.uniform(0, 0.15) * seconds if killed < KILLS else None)
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            killed += 1
            continue
        assert process.exitcode == 0, said(toy).read_text()
        assert_same(toy / f"killed-{finished}", wanted)
        finished += 1
        if killed == KILLS:
            return


def test_kill_at_every_boundary(toy):
    """Right before each kind of change a study makes, and right after a later one of the kind.

    Where another change follows at once, before that one is after this one.
    """
    quiet = Script(toy / "quiet.log")
    # Folders are named alike, so that the kinds are.
    (toy / "undisturbed").mkdir()
    (toy / "disturbed").mkdir()
    command = run("../crossed", "out", "artifacts")
    code, told = finish(toy / "undisturbed", *command, hook=partial(die_by, quiet))
    assert code == 0, told
    skips = {
        moment: count // 2 if moment.startswith("after") else 0
        for moment, count in quiet.seen().items()
        if not re.match(r"after (artifacts/.*\*|RDBStorage.*|.* deleted)$", moment)
    }
    assert len(skips) > 60
    script = Script(toy / "disturbed.log", skips)
    for _ in skips:
        code, told = finish(toy / "disturbed", *command, hook=partial(die_by, script))
        assert code == -signal.SIGKILL, told
    assert script.killed() == set(skips)
    code, told = finish(toy / "disturbed", *command)
    assert code == 0, told
    out = toy / "disturbed" / "out"
    assert_same(out, tables(toy / "undisturbed" / "out"))
    for ended in states(out):
        assert not {"RUNNING", "WAITING"} & ended.keys()
    assert sum(ended["COMPLETE"] + ended["PRUNED"] for ended in states(out)) == 5
    assert not [*(toy / "disturbed" / "artifacts").rglob("*.work")]


def test_kill_while_mlflow_is_told(toy, undisturbed):
    """Every run is there once in the end, and ended; a database half laid out is none."""
    command = [word for word in run("toy", "quiet", "a") if word != "--no-mlflow"]
    kinds = [f"MlflowClient.{name}" for name in ("create_run", "log_batch", "set_terminated")]
    kinds += ["MlflowClient.create_experiment", "MlflowClient.log_artifact", "results/mlflow.db"]
    skips = {f"{when} {kind}": 0 for kind in [*kinds, "Tracker.log_run"] for when in WHEN}
    script = Script(toy / "mlflow.log", skips)
    for _ in skips:
        code, told = finish(toy, *command, hook=partial(die_by, script))
        assert code == -signal.SIGKILL, told
    code, told = finish(toy, *command)
    assert code == 0, told
    assert "goes on without it" not in told
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{toy / 'results' / 'mlflow.db'}")
    logged = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    assert {one.info.status for one in logged} == {"FINISHED"}
    names = [one.data.tags["bench.run"] for one in logged if one.data.tags["bench.kind"] == "run"]
    assert sorted(names) == sorted(path.name for path in (toy / "quiet" / "runs").iterdir())


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
    assert_same(toy / "quiet", undisturbed[0])
