"""Creates the executor that a study asks for."""

from __future__ import annotations

from collections.abc import Sequence

from bench.context import Context
from bench.execution.executors.base import Executor
from bench.execution.executors.local import LocalExecutor
from bench.execution.executors.processes import ProcessExecutor
from bench.execution.executors.ray import RayExecutor
from bench.execution.executors.slurm import SlurmExecutor
from bench.execution.task import Workplace
from bench.execution.worker import Worker
from bench.study.arms import Arm


def create_executor(place: Workplace, arms: Sequence[Arm], context: Context) -> Executor:
    """The executor of a study's ``[execution]``.

    Args:
        arms, context: the study's, as opened in this process; for the executor that stays in it.

    Raises:
        InputError: it cannot be had here.
    """
    execution = place.study.execution
    if execution.executor == "processes":
        return ProcessExecutor(place, execution.workers)
    if execution.executor == "ray":
        return RayExecutor(place, execution.ray, execution.workers)
    if execution.executor == "slurm":
        return SlurmExecutor(place)
    return LocalExecutor(Worker(place.study, arms, place.out, context))
