"""Each run a job of a SLURM cluster, through submitit.

A job leaves a `Problem` or nothing as a pickle in ``OUT/slurm``, which is closed to other users.
One that ends without either is submitted again. SLURM itself queues a job again that reached its
time limit, made way for another or lost its node. Either way its run goes on from its checkpoint.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import shutil
import time
from collections import Counter
from contextlib import redirect_stderr
from typing import TYPE_CHECKING

from bench.errors import BenchError, InputError, first_line
from bench.execution.executors._slurm_job import ClusterJob, SubmittedTask
from bench.execution.executors._slurm_queue import LocalQueue, SlurmQueue
from bench.execution.executors.base import DEATHS, Completion, Problem
from bench.execution.executors.processes import THREADS
from bench.execution.task import Task
from bench.execution.worker import Workplace
from bench.lazy import Library
from bench.progress import say, say_once

if TYPE_CHECKING:
    import submitit
else:
    submitit = Library("submitit")

SIGNAL_DELAY_S = 60
"""How long before its time limit a job is told to stop; SLURM may do it a minute earlier."""

TIME_OUTS = 100
"""How often a job that reached its time limit is queued again, before that is a death.

submitit allows three, and takes every signal for one in the last fifth of a job, at least its last
ten minutes: where the limit is no longer than that, each preemption, too.
"""

LOOK_S = 1.0
"""Least seconds between two looks for the files of results, since their disk may be a slow one."""


class SlurmExecutor:
    """As many jobs as there are workers, each with one task.

    Args:
        place: with folders on a disk that all nodes share.

    Raises:
        InputError: there is no submitit or no SLURM here.
        BenchError: SLURM does not answer.
    """

    def __init__(self, place: Workplace) -> None:
        execution = place.study.execution
        assert execution.workers is not None
        self.slots = execution.workers
        self._place = place
        self._options = execution.slurm
        self._folder = place.out / "slurm"
        name = f"bench-{hashlib.sha256(str(place.out).encode()).hexdigest()[:12]}"
        local = execution.slurm.cluster == "local"
        self._queue = LocalQueue(self._folder) if local else SlurmQueue(name)
        self._looked = self._asked = -math.inf
        self._submitted: dict[str, SubmittedTask] = {}
        self._deaths: Counter[str] = Counter()
        self._executor = self._create(name)
        leave_job()
        self._end_earlier()

    def submit(self, task: Task) -> None:
        """Queue a job for the task.

        Raises:
            BenchError: sbatch refuses it.
        """
        threads = dict.fromkeys(THREADS, self._options.cores)
        try:
            with (
                submitit.helpers.environment_variables(**threads),
                redirect_stderr(io.StringIO()),  # submitit prints the error that it raises
            ):
                job = self._executor.submit(ClusterJob(self._place, task))
        except submitit.core.utils.FailedJobError as error:
            raise BenchError(
                f"{first_line(error)}; the table [execution.slurm] says what jobs ask for"
            ) from None
        self._submitted[job.job_id] = SubmittedTask(task, job)

    def completed(self, timeout: float) -> list[Completion]:
        until = time.monotonic() + timeout
        while not (ended := self._collect()) and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_S))
        return ended

    def close(self) -> None:
        self._queue.cancel(self._submitted)

    def _create(self, name: str) -> submitit.AutoExecutor:
        options = self._options
        if options.cluster == "slurm" and not shutil.which("sbatch"):
            raise InputError(
                "executor slurm: there is no sbatch in PATH; run the command where jobs are "
                "submitted from, or choose another executor"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        try:
            executor = submitit.AutoExecutor(
                self._folder, options.cluster, slurm_max_num_timeout=TIME_OUTS
            )
        except ModuleNotFoundError:
            raise InputError(
                "executor slurm: submitit is not installed; pip install retrieval-bench[slurm]"
            ) from None
        executor.update_parameters(
            name=name,
            timeout_min=options.time_limit,
            cpus_per_task=options.cores,
            gpus_per_node=options.gpus or None,
            mem_gb=options.memory,
            slurm_signal_delay_s=SIGNAL_DELAY_S,
            # Since SLURM 22.05 srun has one core, not the job's, unless it is told.
            slurm_srun_args=[f"--cpus-per-task={options.cores}"],
            slurm_additional_parameters={"requeue": True, **options.sbatch},
        )
        return executor

    def _end_earlier(self) -> None:
        """Cancel what a killed command left in the queue, so that no run is done twice at once."""
        earlier = self._queue.jobs()
        self._queue.cancel(earlier)
        if earlier:
            say("waiting until the jobs of an earlier command have ended")
        while self._queue.jobs():
            time.sleep(LOOK_S)
        for leftover in self._folder.glob("*.pkl*"):
            leftover.unlink()

    def _collect(self) -> list[Completion]:
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return []
        self._looked = now
        gone = self._gone()  # asked first: a job that ends later has a result, or is not gone yet
        ended = []
        for id, submitted in list(self._submitted.items()):
            if submitted.has_result() or id in gone:
                del self._submitted[id]
                if completion := self._complete(submitted):
                    ended.append(completion)
        return ended

    def _complete(self, submitted: SubmittedTask) -> Completion | None:
        """How a task ended with its job; `None` if the job died and another one goes on."""
        task = submitted.task
        outcome, problem = submitted.take_result()
        if outcome == "success":
            return Completion(task, problem)
        what = f"{task.job.describe()}: its job ended without a result"
        self._deaths[task.run] += 1
        if self._deaths[task.run] == DEATHS:
            message = f"{what} {DEATHS} times; {submitted.where_to_look()}"
            return Completion(task, Problem("BenchError", message))
        say(f"{what}; another one goes on from its checkpoint")
        self.submit(task)
        return None

    def _gone(self) -> set[str]:
        """Jobs that are no longer in the queue; none as long as it is not asked again."""
        now = time.monotonic()
        if now - self._asked < self._queue.seconds:
            return set()
        self._asked = now
        try:
            return self._submitted.keys() - self._queue.jobs()
        except BenchError as error:
            say_once(f"note: {error}; it is asked again")
            return set()


def leave_job() -> None:
    """Forget the job that this command itself is, if it is one: its jobs would inherit its shares.

    ``srun`` refuses some that contradict those of the job it runs in.
    """
    if "SLURM_JOB_ID" in os.environ:
        for name in [*os.environ]:
            if name.startswith(("SLURM_", "SRUN_")) and name != "SLURM_CONF":
                del os.environ[name]
