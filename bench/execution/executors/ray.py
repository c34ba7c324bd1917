"""Workers on the nodes of a Ray cluster, which see the study's folder under the same path."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

from bench.errors import BenchError
from bench.execution.executors.base import DEATHS, Completion, Problem
from bench.execution.executors._ray_cluster import RayCluster, ray
from bench.execution.executors._ray_worker import RayWorker
from bench.execution.worker import Task, Workplace
from bench.progress import say

LATE = 30.0
"""Seconds that tasks wait for workers to start before that is said."""


class RayExecutor:
    """Has tasks carried out by actors, each in a process that it keeps for all its tasks.

    A task is given to a worker that has started, so none waits for room in the cluster while
    another worker is idle.

    Args:
        workers: how many; 0 is as many as the cluster has room for now.
        address: ``host:port`` of the cluster's head, or empty (`RayCluster`).
        cores: threads of a worker, and the cores that it takes of a node.
        gpus: GPUs that a worker takes; `None` is one, where the cluster has any.
    """

    def __init__(
        self,
        workplace: Workplace,
        workers: int = 0,
        address: str = "",
        cores: int = 1,
        gpus: float | None = None,
    ) -> None:
        self._workplace = workplace
        self._cluster = RayCluster(address)
        gpus = float(self._cluster.has_gpus) if gpus is None else gpus
        self.slots = workers or max(1, self._cluster.room(cores, gpus))
        self._needs = f"{cores} cores" + (f" and {gpus:g} GPUs" if gpus else "")
        # Threads are counted when torch is imported, which is after this.
        threads = {"env_vars": {"OMP_NUM_THREADS": str(cores)}}
        self._actor = ray.remote(RayWorker).options(
            num_cpus=cores, num_gpus=gpus, runtime_env=threads
        )
        self._waiting: deque[Task] = deque()
        # By what Ray gives when they have started, or ended their task.
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._idle: list[Any] = []
        self._deaths: Counter[str] = Counter()
        self._failed_starts = 0
        self._short_since = time.monotonic()
        self._said_short = False

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        self._give_out()

    def completed(self, timeout: float) -> list[Completion]:
        pending = [*self._busy, *self._starting]
        if not pending:
            return []
        ended, _ = ray.wait(pending, timeout=timeout)
        if ended:
            ended, _ = ray.wait(pending, num_returns=len(pending), timeout=0)
        else:
            self._cluster.check_head()
        for one in [one for one in ended if one in self._starting]:
            self._take_in(one)
        completions = [self._complete(one) for one in ended if one in self._busy]
        self._give_out()
        self._say_if_short()
        return [one for one in completions if one]

    def close(self) -> None:
        self._cluster.close()

    def _give_out(self) -> None:
        """Give tasks to idle workers, and start as many more as are needed and allowed."""
        while self._waiting and self._idle:
            worker, task = self._idle.pop(), self._waiting.popleft()
            self._busy[worker.execute.remote(task)] = worker, task
        free = self.slots - len(self._busy) - len(self._idle)
        for _ in range(min(len(self._waiting), free) - len(self._starting)):
            worker = self._actor.remote(self._workplace)
            self._starting[worker.start.remote()] = worker

    def _take_in(self, started: Any) -> None:
        """Note that a worker has started.

        Raises:
            BenchError: it cannot work, or none can be started.
        """
        worker = self._starting.pop(started)
        try:
            problem = ray.get(started)
        except ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts < DEATHS:
                return
            last = str(error).strip().splitlines()[-1]
            raise BenchError(f"no worker starts on the Ray cluster: {last}") from error
        if problem:
            raise problem.error()
        self._failed_starts = 0
        self._idle.append(worker)

    def _complete(self, ended: Any) -> Completion | None:
        """The completion of a task; `None` if its worker has died, and another one goes on."""
        worker, task = self._busy.pop(ended)
        try:
            problem = ray.get(ended)
        except ray.exceptions.RayActorError:
            return self._replace(worker, task)
        self._idle.append(worker)
        return Completion(task, problem)

    def _replace(self, worker: Any, task: Task) -> Completion | None:
        ray.kill(worker)  # which may live, out of reach
        self._deaths[task.run] += 1
        what = task.job.describe()
        if self._deaths[task.run] < DEATHS:
            say(f"{what}: its worker died; another one goes on from the last checkpoint")
            self._waiting.appendleft(task)
            return None
        died = f"{what}: {DEATHS} workers died of it; what they said is in {self._workplace.out}/logs"
        return Completion(task, Problem(BenchError.__name__, died))

    def _say_if_short(self) -> None:
        """Say, once a shortage, that tasks wait for workers to start."""
        now = time.monotonic()
        if not (self._starting and self._waiting):
            self._short_since, self._said_short = now, False
        elif now - self._short_since > LATE and not self._said_short:
            say(f"waiting for a worker to start on the Ray cluster; it needs {self._needs}")
            self._said_short = True
