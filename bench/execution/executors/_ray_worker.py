"""What lives in a process on a node of a Ray cluster."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from contextlib import suppress

from bench.errors import BenchError, InputError
from bench.execution.executors._ray_cluster import Share, ray
from bench.execution.executors._ray_head import RayHead
from bench.execution.executors.base import Problem
from bench.execution.executors.processes import LOGS
from bench.execution.task import Task
from bench.execution.worker import Worker, Workplace

LOOK = 1.0
"""Seconds between two looks at what a worker needs to live."""


class RayWorker:
    """Carries out tasks, one at a time, with the collections opened once.

    Args:
        slots: how many workers the study has.
    """

    def __init__(self, place: Workplace, share: Share, slots: int) -> None:
        self._place = place
        self._workers = min(slots, share.fit_here())
        self._worker: Worker | None = None
        self._log = place.out / LOGS / f"{socket.gethostname()}-{os.getpid()}.log"

    def start(self) -> Problem | None:
        """Write all that is printed to a log in the study's folder."""
        if not self._place.out.is_dir():
            what = f"{socket.gethostname()}: {self._place.out} is not there: all nodes of the Ray"
            return Problem.of(InputError(f"{what} cluster must see the study's folder there"))
        self._log.parent.mkdir(exist_ok=True)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        threading.Thread(target=_end_with_cluster, daemon=True).start()
        return None

    def execute(self, task: Task) -> Problem | None:
        """Carry out a task; what is wrong if that is not possible."""
        try:
            self._worker = self._worker or self._place.open(str(self._log), self._workers)
            self._worker.execute(task)
        except Exception as error:
            traceback.print_exc()
            return Problem.of(error)
        return None


def _end_with_cluster() -> None:
    """End this process once its node's own process is gone, or the head is silent.

    Nobody takes what it does any more; and whoever goes on with its run waits until it has ended.
    """
    node, head = os.getppid(), RayHead(ray.get_runtime_context().gcs_address)
    with suppress(BenchError):
        while os.getppid() == node:
            head.check()
            time.sleep(LOOK)
    os._exit(1)
