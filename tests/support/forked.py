"""Processes that are forked from the tests', for what several of them do with the same files."""

import multiprocessing
import os
import signal
import time

from bench.storage import processes

fork = multiprocessing.get_context("fork")  # so they have nothing to import


def start(target, *arguments, machine: str = ""):
    """A process that calls the function; on another machine, if one is named."""
    process = fork.Process(target=_run, args=(machine, target, *arguments), daemon=True)
    process.start()
    return process


def _run(machine, target, *arguments):
    if machine:
        processes.machine = lambda: machine
    target(*arguments)


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def wait_until(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)
