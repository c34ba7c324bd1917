"""What the SLURM executor makes of its surroundings; real clusters are in `tests.services`."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from submitit.core.utils import JobPaths, cloudpickle_dump

from bench.errors import BenchError
from bench.execution.executors._slurm_job import ClusterJob, exit_on_signals
from bench.execution.executors._slurm_queue import SlurmQueue
from bench.execution.executors.base import Completion, Problem
from bench.execution.executors.slurm import SlurmExecutor, leave_job
from bench.execution.jobs import Job
from bench.execution.task import Task
from bench.execution.worker import Workplace
from bench.progress import say_once
from bench.study.schema import parse_study


class Deaf:
    """An executor of submitit's whose jobs never begin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.submitted = 0

    def submit(self, job: ClusterJob) -> SimpleNamespace:
        self.submitted += 1
        id = f"{self.submitted}-x"
        return SimpleNamespace(job_id=id, paths=JobPaths(self._folder, id, 0))


@pytest.fixture
def executor(tmp_path, toy_values, monkeypatch) -> SlurmExecutor:
    monkeypatch.setattr(SlurmExecutor, "_create", lambda self, name: Deaf(tmp_path / "out/slurm"))
    how = {"executor": "slurm", "workers": 2, "slurm": {"cluster": "local"}}
    study = parse_study({**toy_values, "execution": how}, "toy")
    return SlurmExecutor(Workplace(study, tmp_path / "out", tmp_path / "artifacts"))


TASK = Task(Job("final", "infonce", seed=1), title="", run="0123")


def test_task_is_given_up_when_its_jobs_die(executor, capsys):
    executor.submit(TASK)
    (completion,) = executor.completed(30)
    assert completion.problem.message.startswith(
        "infonce · final · seed 1: its job ended without a result 3 times; it left no log in "
    )
    assert executor._executor.submitted == 3
    assert capsys.readouterr().err.count("another one goes on from its checkpoint") == 2


@pytest.mark.parametrize("problem", [None, Problem("InputError", "no such model")])
def test_result_is_taken(executor, tmp_path, problem):
    folder = tmp_path / "out/slurm"
    folder.mkdir(parents=True)
    executor.submit(TASK)
    cloudpickle_dump(("success", problem), folder / "1-x_0_result.pkl")
    assert executor.completed(30) == [Completion(TASK, problem)]
    assert not [*folder.iterdir()]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """``program(name, script)``: a program of SLURM's, as a script of a shell."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    say_once.cache_clear()

    def write(name: str, script: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


def test_jobs_that_have_not_ended(program, capsys):
    lines = r"7 R None\n8 CG None\n9 PD PartitionTimeLimit\n10 PD PartitionTimeLimit"
    program("squeue", f"printf '{lines}\\n'")
    assert SlurmQueue("x").jobs() == {"7", "8", "9", "10"}
    assert capsys.readouterr().err == "jobs wait in SLURM's queue: PartitionTimeLimit\n"


def test_no_answer_is_not_an_empty_queue(program):
    program("squeue", "echo 'squeue: error: Socket timed out' >&2; exit 1")
    with pytest.raises(BenchError, match="^squeue: error: Socket timed out$"):
        SlurmQueue("x").jobs()


def test_jobs_are_cancelled_by_their_ids(program, tmp_path):
    program("scancel", f'echo "$@" >> {tmp_path}/told')
    SlurmQueue("x").cancel(["7", "10"])
    SlurmQueue("x").cancel([])  # without ids, scancel would fail
    assert (tmp_path / "told").read_text() == "--quiet 10 7\n"


def test_error_of_the_signal_handler_is_not_the_runs():
    def requeue(number, frame):
        raise RuntimeError("scontrol failed")

    before = signal.signal(signal.SIGUSR2, requeue)
    try:
        exit_on_signals()
        with pytest.raises(SystemExit, match="not queued again: scontrol failed"):
            os.kill(os.getpid(), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_command_that_is_itself_a_job(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "100")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    leave_job()
    assert "SLURM_MEM_PER_CPU" not in os.environ
    assert os.environ["SLURM_CONF"] == "/etc/slurm.conf"


def test_command_that_is_no_job(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("SLURM_CLUSTERS", "west")
    leave_job()
    assert os.environ["SLURM_CLUSTERS"] == "west"
