"""Creates the executor that a study asks for."""

from __future__ import annotations

from bench.execution.executors.base import Executor
from bench.execution.executors.local import LocalExecutor
from bench.execution.executors.processes import ProcessExecutor
from bench.execution.executors.slurm import SlurmExecutor
from bench.execution.worker import Worker, Workplace


def create_executor(place: Workplace, worker: Worker) -> Executor:
    """The executor of a study's ``[execution]``.

    Args:
        worker: in this process, for the executor that needs no other one.

    Raises:
        InputError: it cannot be had here.
    """
    execution = place.study.execution
    if execution.executor == "processes":
        return ProcessExecutor(place, execution.workers)
    if execution.executor == "slurm":
        return SlurmExecutor(place)
    return LocalExecutor(worker)
