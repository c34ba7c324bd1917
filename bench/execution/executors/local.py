"""Runs one after the other in this process."""

from __future__ import annotations

from bench.execution.executors.base import Completion
from bench.execution.task import Task
from bench.execution.worker import Worker


class LocalExecutor:
    """Carries out each task when it is submitted. Errors are raised as they are."""

    slots = 1

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._ended: list[Completion] = []

    def submit(self, task: Task) -> None:
        self._worker.execute(task)
        self._ended.append(Completion(task))

    def completed(self, timeout: float) -> list[Completion]:
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        pass
