"""Runs side by side on the nodes of a Ray cluster, which share the study's folders."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

from bench.errors import BenchError
from bench.execution.executors._ray_cluster import RayCluster, Share, ray
from bench.execution.executors._ray_worker import RayWorker
from bench.execution.executors.base import DEATHS, Completion, Problem
from bench.execution.executors.processes import LOGS, THREADS
from bench.execution.task import Task
from bench.execution.worker import Workplace
from bench.progress import say
from bench.study.ray import Ray

LATE = 30.0
"""Seconds that tasks wait for a worker to start before that is said."""


class RayExecutor:
    """Workers that live as long as the study is carried out, or until they are lost.

    A task is given to a worker that has started, so none waits for room in the cluster while
    another worker is idle.

    Args:
        workers: how many; by default as many as the cluster has room for now.

    Raises:
        InputError, BenchError: the cluster cannot be used.
    """

    def __init__(self, place: Workplace, options: Ray, workers: int | None) -> None:
        self._place = place
        self._cluster = RayCluster(options.address)
        gpus = float(self._cluster.has_gpus) if options.gpus is None else options.gpus
        self._share = share = Share(options.cores, gpus)
        self.slots = workers or max(1, self._cluster.room(share))
        # Set before the worker's process begins, because libraries read them when they are loaded.
        variables = dict.fromkeys(THREADS, str(share.cores))
        if not share.gpus:
            variables["CUDA_VISIBLE_DEVICES"] = ""
        self._actor = ray.remote(RayWorker).options(
            num_cpus=share.cores, num_gpus=share.gpus, runtime_env={"env_vars": variables}
        )
        self._waiting: deque[Task] = deque()
        # The keys are Ray's promises that a worker will have started, or will have ended its task.
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._idle: list[Any] = []
        self._failed_starts = 0
        self._deaths: Counter[str] = Counter()
        self._short_since: float | None = None

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        self._give_out()

    def completed(self, timeout: float) -> list[Completion]:
        self._cluster.head.check()
        promises = [*self._busy, *self._starting]
        if not promises:
            return []
        ray.wait(promises, timeout=timeout)  # for the first
        kept, _ = ray.wait(promises, num_returns=len(promises), timeout=0)
        completions = []
        for promise in kept:
            if promise in self._starting:
                self._take_in(promise)
            elif completion := self._complete(promise):
                completions.append(completion)
        self._give_out()
        self._say_if_short()
        return completions

    def close(self) -> None:
        self._cluster.close()

    def _give_out(self) -> None:
        """Give tasks to idle workers, and start as many more as are needed and allowed."""
        while self._waiting and self._idle:
            worker, task = self._idle.pop(), self._waiting.popleft()
            self._busy[worker.execute.remote(task)] = worker, task
        free = self.slots - len(self._busy) - len(self._idle)
        for _ in range(min(free, len(self._waiting)) - len(self._starting)):
            worker = self._actor.remote(self._place, self._share, self.slots)
            self._starting[worker.start.remote()] = worker

    def _take_in(self, promise: Any) -> None:
        """Count on a worker from now on.

        Raises:
            BenchError: it cannot work where it is, or one after the other did not start.
        """
        worker = self._starting.pop(promise)
        try:
            problem = ray.get(promise)
        except ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts < DEATHS:
                return
            *_, last = str(error).strip().splitlines()  # of a traceback
            raise BenchError(f"no worker starts on the Ray cluster: {last}") from error
        if problem:
            raise problem.error()
        self._failed_starts = 0
        self._idle.append(worker)

    def _complete(self, promise: Any) -> Completion | None:
        """The end of a task; `None` if its worker is lost, and the task is not over."""
        worker, task = self._busy.pop(promise)
        try:
            problem = ray.get(promise)
        except ray.exceptions.ActorUnavailableError:
            # Perhaps for a moment, and it still works: then it answers, else it is dead at last.
            self._busy[worker.execute.remote(task)] = worker, task
            return None
        except ray.exceptions.RayActorError:
            return self._put_back(task)
        self._idle.append(worker)
        return Completion(task, problem)

    def _put_back(self, task: Task) -> Completion | None:
        self._deaths[task.run] += 1
        what = f"{task.job.describe()}: its worker died"
        if self._deaths[task.run] == DEATHS:
            logs = self._place.out / LOGS
            return Completion(task, Problem("BenchError", f"{what} {DEATHS} times; logs: {logs}"))
        say(f"{what}; another one goes on from its checkpoint")
        self._waiting.appendleft(task)
        return None

    def _say_if_short(self) -> None:
        """Say, once while it lasts, that tasks wait for a worker to start."""
        if not (self._starting and self._waiting):
            self._short_since = None
        elif self._short_since is None:
            self._short_since = time.monotonic()
        elif time.monotonic() - self._short_since > LATE:
            takes = f"cores = {self._share.cores}, gpus = {self._share.gpus:g}"
            say(f"waiting for a worker to start on the Ray cluster ({takes})")
            self._short_since = float("inf")  # not again
