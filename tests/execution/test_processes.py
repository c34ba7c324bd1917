"""Runs in several processes: the tables of one process, whatever dies on the way."""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

from bench.errors import BenchError, InputError
from bench.execution.coordinator import Coordinator
from bench.execution.executors import processes
from bench.execution.executors.processes import share_machine
from bench.storage.records import RunFolder
from bench.storage.run_progress import RunProgress
from bench.study.schema import parse_study
from tests.support.command_line import bench
from tests.support.crash_injection import said, start
from tests.support.studies import study_values
from tests.support.tables import tables

TWO = {"executor": "processes", "workers": 2}
needs_two_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="two workers need two cores"
)
pytestmark = [pytest.mark.slow, needs_two_cores]


def comparable(out: Path) -> dict[str, bytes]:
    """What does not depend on who trained."""
    found = tables(out)
    summary = pd.read_csv(out / "summary.csv", dtype=str)
    dropped = [name for name in summary if name.endswith(("_seconds", "_tenth")) or "step_" in name]
    kept = summary.drop(columns=[*dropped, "environment", "peak_memory"])
    return found | {"summary": kept.to_csv().encode()}


@pytest.fixture(scope="module")
def values(collection_folder, tiny_model) -> dict:
    """With something that fails, trials that are pruned, and shares of the train queries."""
    values = study_values(collection_folder, tiny_model)
    adaptive, _, baseline = values["arms"]
    values["tuning"] |= {"pruner": "median", "space": {"learning_rate": [1e-4, 1e-2]}}
    return values | {
        "train_shares": [0.5, 1.0],
        "budget": {"examples": 48},
        "arms": [adaptive, baseline, {"loss": "infonce(temperature=1e-30)", "name": "fails"}],
    }


@pytest.fixture(scope="module")
def alone(values, tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    Coordinator(parse_study(values, "side"), folder / "out", folder / "artifacts", None).run()
    return comparable(folder / "out")


def test_two_processes_leave_the_same_behind(values, alone, tmp_path):
    study = parse_study(values | {"execution": TWO}, "side")
    outcome = Coordinator(study, tmp_path / "out", tmp_path / "artifacts", None).run()
    assert {row.arm for row in outcome.failed} == {"fails"}
    assert comparable(tmp_path / "out") == alone
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    trained = summary.query("role == 'final' and status == 'done'")["environment"]
    assert trained.str.contains("workers 2").all()
    assert {path.name for path in (tmp_path / "out" / "logs").iterdir()} == {
        "worker-1.log",
        "worker-2.log",
    }
    again = Coordinator(study, tmp_path / "out", tmp_path / "artifacts", None).run()
    assert again.done_now == 0
    assert comparable(tmp_path / "out") == alone


def workers_of(out: Path) -> list[tuple[RunFolder, RunProgress]]:
    """The runs that workers are at just now."""
    folders = [RunFolder(path) for path in (out / "runs").glob("*")]
    seen = [(folder, RunProgress.read(folder)) for folder in folders if folder.progress.exists()]
    return [(folder, progress) for folder, progress in seen if progress]


def test_workers_die_at_random_and_the_tables_are_the_same(values, alone, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "DEATHS", 100)
    out, draw, killed, over = tmp_path / "out", random.Random(5), [], threading.Event()

    def kill() -> None:
        while len(killed) < 4 and not over.wait(draw.uniform(0.5, 3)):
            for _, progress in workers_of(out)[:1]:
                with suppress(ProcessLookupError):  # killed before, and its run not taken up yet
                    os.kill(progress.pid, signal.SIGKILL)
                    killed.append(progress.what)

    thread = threading.Thread(target=kill)
    thread.start()
    study = parse_study(values | {"execution": TWO}, "side")
    Coordinator(study, out, tmp_path / "artifacts", None).run()
    over.set()
    thread.join()
    assert killed
    assert comparable(out) == alone


def test_the_coordinator_dies_and_the_same_command_goes_on(values, alone, tmp_path):
    (tmp_path / "side.toml").write_text(tomli_w.dumps(values))
    command = ["run", "side.toml", "--out", "out", "--artifacts", "a", "--no-mlflow"]
    command += ["--executor", "processes", "--workers", "2"]
    draw = random.Random(3)
    for _ in range(3):
        process = start(tmp_path, *command)
        process.join(draw.uniform(8, 20))
        seen = {progress.pid for _, progress in workers_of(tmp_path / "out")}
        process.kill()
        process.join()
        wait_until(lambda seen=seen: not any(map(is_alive, seen)))  # its workers end with it
    process = start(tmp_path, *command)
    process.join()
    assert process.exitcode == 1, said(tmp_path).read_text()  # one arm fails
    assert comparable(tmp_path / "out") == alone


def test_ctrl_c_stops_the_workers_and_status_tells_where_they_were(values, tmp_path):
    long = values | {"seeds": [*range(1, 101)]}  # not over before it is looked at
    (tmp_path / "side.toml").write_text(tomli_w.dumps(long))
    command = ["run", "side.toml", "--out", "out", "--artifacts", "a", "--no-mlflow"]
    process = start(tmp_path, *command, "--executor", "processes", "--workers", "2")
    out = tmp_path / "out"
    wait_until(lambda: workers_of(out) and (out / "summary.csv").exists())

    def shows_a_worker() -> bool:  # which may be between two runs
        status = bench("status", "out", cwd=tmp_path, COLUMNS="200")
        assert status.returncode == 0, status.stderr
        assert f"; at work: process {process.pid} on " in status.stdout
        return f"log: {out.resolve()}/logs/worker-" in status.stdout

    wait_until(shows_a_worker)
    wait_until(lambda: workers_of(out))
    pids = {progress.pid for _, progress in workers_of(out)}
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode == 1, said(tmp_path).read_text()
    assert "the same command goes on" in said(tmp_path).read_text()
    wait_until(lambda: not any(map(is_alive, pids)))
    assert "nobody is at work, `bench run` goes on" in bench("status", "out", cwd=tmp_path).stdout


def test_a_run_that_kills_its_workers_is_no_endless_loop(values, tmp_path, monkeypatch):
    """As one does that needs more memory than there is."""
    monkeypatch.setattr(processes, "_serve", die)
    study = parse_study(values | {"execution": TWO}, "side")
    with pytest.raises(BenchError, match=r"its worker died \(SIGKILL\) 3 times; its log: "):
        Coordinator(study, tmp_path / "out", tmp_path / "artifacts", None).run()


def die(connection, place, log, workers) -> None:
    connection.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_the_machine_does_not_have_is_refused(values, tmp_path):
    cores = len(os.sched_getaffinity(0))
    for workers, message in (
        (cores + 1, f"--workers {cores + 1}: there are {cores} cores here, one for each worker"),
        (None, f"--workers: say how many, at most {cores} "),
    ):
        with pytest.raises(InputError, match=message):
            share_machine(workers)
    study = parse_study(values | {"execution": {**TWO, "workers": 1000}}, "side")
    with pytest.raises(InputError, match="--workers 1000"):
        Coordinator(study, tmp_path / "out", tmp_path / "artifacts", None).run()


def test_cores_are_shared_evenly_and_no_more_than_allowed(monkeypatch):
    cores = len(os.sched_getaffinity(0))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert {one["OMP_NUM_THREADS"] for one in share_machine(1)} == {str(cores)}
    assert {one["OMP_NUM_THREADS"] for one in share_machine(2)} == {str(cores // 2)}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert {one["OMP_NUM_THREADS"] for one in share_machine(1)} == {"1"}


def test_each_gpu_has_one_worker(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in share_machine(None)] == ["4", "5", "6", "7"]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in share_machine(2)] == ["4", "5"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in share_machine(None)] == ["0", "1", "2", "3"]
    with pytest.raises(InputError, match="--workers 5: there are 4 GPUs here"):
        share_machine(5)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
