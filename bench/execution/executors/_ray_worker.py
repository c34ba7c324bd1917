"""What lives in a process of a Ray cluster."""

from __future__ import annotations

import os
import socket
import traceback

from bench.errors import InputError
from bench.execution.executors.base import Problem
from bench.execution.worker import Task, Worker, Workplace


class RayWorker:
    """Carries out tasks, one after the other; what it prints is in a file of the study's folder."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._worker: Worker | None = None
        self._log = workplace.out / "logs" / f"{socket.gethostname()}-{os.getpid()}.log"

    def start(self) -> Problem | None:
        """Begin to write the log; it fails where the study's folder is not seen."""
        if not self._workplace.out.is_dir():
            return Problem(
                InputError.__name__,
                f"{socket.gethostname()}: {self._workplace.out} is not there: all nodes must see "
                "the study's folder under the same path",
            )
        self._log.parent.mkdir(exist_ok=True)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)
        return None

    def execute(self, task: Task) -> Problem | None:
        """Carry out a task; the collections are opened for the first one."""
        try:
            if self._worker is None:
                self._worker = self._workplace.open(str(self._log))
            self._worker.execute(task)
        except Exception as error:
            traceback.print_exc()
            return Problem.of(error)
        return None
