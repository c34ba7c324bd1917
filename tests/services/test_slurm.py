"""A real SLURM: what the executor counts on, without any of ours."""

import subprocess
import sys
import time

import pytest

from tests.services.slurm import missing, running_slurm

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


PROGRAM = """
import os, signal, time
signal.signal(signal.SIGUSR2, lambda number, frame: print("USR2"))
print("began", os.environ.get("SLURM_RESTART_COUNT", 0))
time.sleep(60)
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with running_slurm(tmp_path_factory.mktemp("slurm")) as configuration:
        yield configuration


@pytest.fixture
def say(slurm, monkeypatch):
    """``say(command …)``: what a command of SLURM's prints."""
    monkeypatch.setenv("SLURM_CONF", str(slurm))

    def say(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return say


@pytest.fixture
def job(say, tmp_path):
    """``job(option …)``: the (id, log) of a job that waits, and says what it is told."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/sh\nsrun {sys.executable} -u {program}\n")
    log = tmp_path / "log.txt"

    def submit(*options: str):
        always = ["--parsable", "--open-mode=append", f"--output={log}"]
        return say("sbatch", *always, *options, str(script)), log

    return submit


def wait_for(text: str, log, seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not (log.exists() and text in log.read_text()):
        assert time.monotonic() < until, log.read_text() if log.exists() else "no log"
        time.sleep(0.1)


def state(say, job: str) -> str:
    return say("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}")


def test_requeued_job_begins_again(say, job):
    number, log = job()
    wait_for("began 0", log)
    say("scontrol", "requeue", number)
    wait_for("began 1", log)
    say("scancel", number)


def test_cancelled_job_ends(say, job):
    number, log = job()
    wait_for("began 0", log)
    say("scancel", number)
    until = time.monotonic() + 20
    while state(say, number) != "CANCELLED":
        assert time.monotonic() < until
        time.sleep(0.1)


def test_signal_before_the_time_limit(say, job):
    number, log = job("--time=1", "--signal=USR2@55")
    wait_for("began 0", log)
    wait_for("USR2", log)
    assert state(say, number) == "RUNNING", log.read_text()
    say("scancel", number)
