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
import pytest
import tomli_w

from bench.execution.optuna_storage import storage_url
from tests.support.command_line import bench
from tests.support.crash_injection import Script, die_by, finish, said, start
from tests.support.studies import crossed, study_values
from tests.support.tables import assert_same, tables

pytestmark = pytest.mark.slow

KILLS = 25
WHEN = ("before", "after")


def states(out: Path) -> list[Counter[str]]:
    """How the trials of each arm ended."""
    url = storage_url(out)
    return [
        Counter(
            trial.state.name for trial in optuna.load_study(study_name=name, storage=url).trials
        )
        for name in sorted(optuna.get_all_study_names(url))
    ]


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
