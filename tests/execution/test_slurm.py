"""What the SLURM executor makes of its surroundings; real clusters are in `tests.services`."""

import os
import signal
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.execution.executors._cluster_job import exit_on_signals
from bench.execution.executors._queues import SlurmQueue
from bench.execution.executors.slurm import leave_job
from bench.progress import say_once


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
