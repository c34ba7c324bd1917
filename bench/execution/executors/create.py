"""Creates the executor that a study asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.context import Context
from bench.execution.executors.base import Executor
from bench.execution.executors.local import LocalExecutor
from bench.execution.executors.processes import ProcessExecutor
from bench.execution.executors.ray import RayExecutor
from bench.execution.executors.slurm import SlurmExecutor
from bench.execution.worker import Worker, Workplace
from bench.study.arms import Arm
from bench.study.schema import Study


def create_executor(study: Study, arms: Sequence[Arm], context: Context, out: Path) -> Executor:
    """The executor of a study's ``[execution]``.

    Args:
        arms, context: as they are opened in this process, which the local executor uses.
        out: the study's folder.

    Raises:
        InputError: it cannot be had here.
    """
    place = Workplace(study, out.resolve(), context.artifacts.root.resolve())
    execution = study.execution
    if execution.executor == "processes":
        return ProcessExecutor(place, execution.workers)
    if execution.executor == "ray":
        return RayExecutor(place, execution.ray, execution.workers)
    if execution.executor == "slurm":
        return SlurmExecutor(place)
    return LocalExecutor(Worker(study, arms, out, context))
