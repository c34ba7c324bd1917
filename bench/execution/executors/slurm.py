"""Runs as jobs of a SLURM cluster, through submitit.

Each job leaves a `Problem` or nothing as a pickle in ``OUT/slurm``, which is closed to other users.
One that ends without either is submitted again. SLURM itself queues a job again that reached its
time limit, made way for another or lost its node. Either way its run goes on from its checkpoint.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, InputError, first_line
from bench.execution.executors._cluster_job import ClusterJob
from bench.execution.executors._queues import LocalQueue, SlurmQueue
from bench.execution.executors.base import DEATHS, Completion, Problem
from bench.execution.worker import Task, Workplace
from bench.lazy import Library
from bench.progress import say
from bench.study.slurm import Slurm

if TYPE_CHECKING:
    import submitit
else:
    submitit = Library("submitit")

SIGNAL_DELAY_S = 60
"""How long before its time limit a job is told to stop; SLURM may do it a minute earlier."""

TIME_OUTS = 100
"""How often a job that reached its time limit is queued again, before that is a death.

submitit allows three, and counts every signal in a job's last ten minutes: where the limit is no
longer than that, each preemption, too.
"""

_LOOK_S = 1.0
"""Between two looks for results."""


@dataclass(frozen=True)
class _Submitted:
    job: Any
    task: Task
    deaths: int


class SlurmExecutor:
    """As many jobs as there are workers, each with one task.

    Args:
        workplace: with folders on a disk that all nodes share.
        workers: how many jobs wait or run at once.

    Raises:
        InputError: there is no submitit or no SLURM here.
        BenchError: SLURM does not answer.
    """

    def __init__(self, workplace: Workplace, options: Slurm, workers: int) -> None:
        self.slots = workers
        self._workplace = workplace
        self._options = options
        self._folder = (workplace.out / "slurm").resolve()
        name = f"bench-{hashlib.sha256(str(self._folder).encode()).hexdigest()[:12]}"
        local = options.cluster == "local"
        self._queue = LocalQueue(self._folder) if local else SlurmQueue(name)
        self._asked = 0.0
        self._submitted: dict[str, _Submitted] = {}
        self._executor = self._create(name)
        self._end_earlier()

    def submit(self, task: Task) -> None:
        """Queue a job for the task.

        Raises:
            BenchError: sbatch refuses it.
        """
        self._submit(task, deaths=0)

    def completed(self, timeout: float) -> list[Completion]:
        """The tasks that have ended since the last call; waits ``timeout`` seconds for one."""
        until = time.monotonic() + timeout
        while not (ended := self._collect()) and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_S))
        return ended

    def close(self) -> None:
        """Cancel all jobs."""
        self._queue.cancel()
        self._submitted.clear()

    # -- submitting ------------------------------------------------------------------------------

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
            cpus_per_task=options.cpus,
            gpus_per_node=options.gpus or None,
            mem_gb=options.memory,
            slurm_signal_delay_s=SIGNAL_DELAY_S,
            # Since SLURM 22.05 srun has one CPU, not the job's, unless it is told.
            slurm_srun_args=[f"--cpus-per-task={options.cpus}"],
            slurm_additional_parameters={"requeue": True, **options.sbatch},
        )
        return executor

    def _submit(self, task: Task, deaths: int) -> None:
        threads = submitit.helpers.environment_variables(OMP_NUM_THREADS=self._options.cpus)
        try:
            with threads, redirect_stderr(io.StringIO()):  # it would tell the error twice
                job = self._executor.submit(ClusterJob(self._workplace, task))
        except submitit.core.utils.FailedJobError as error:
            raise BenchError(
                f"{first_line(error)}; the table [execution.slurm] says what jobs ask for"
            ) from None
        self._submitted[job.job_id] = _Submitted(job, task, deaths)

    def _end_earlier(self) -> None:
        """Cancel what a killed command left in the queue, so that no run is trained twice."""
        self._queue.cancel()
        if self._queue.jobs() != set():
            say("waiting until the jobs of an earlier command have ended")
        while self._queue.jobs() != set():
            time.sleep(_LOOK_S)
        for leftover in self._folder.glob("*.pkl*"):
            leftover.unlink()

    # -- collecting ------------------------------------------------------------------------------

    def _collect(self) -> list[Completion]:
        gone = self._gone()  # asked first: a job that ends later has a result, or is not gone yet
        ended = []
        for id, submitted in list(self._submitted.items()):
            paths = submitted.job.paths
            if paths.result_pickle.exists():
                outcome, result = submitit.core.utils.pickle_load(paths.result_pickle)
            elif id in gone:
                outcome, result = "died", ""
            else:
                continue
            del self._submitted[id]
            for pickle in (paths.submitted_pickle, paths.result_pickle):
                pickle.unlink(missing_ok=True)
            if outcome == "success":
                ended.append(Completion(submitted.task, result))
            elif submitted.deaths + 1 < DEATHS:
                self._submit(submitted.task, submitted.deaths + 1)
            else:
                ended.append(Completion(submitted.task, _died(submitted, result)))
        return ended

    def _gone(self) -> set[str]:
        """Jobs that are no longer in the queue; none as long as it is not asked again."""
        now = time.monotonic()
        if now - self._asked < self._queue.seconds:
            return set()
        self._asked = now
        listed = self._queue.jobs()
        return set() if listed is None else self._submitted.keys() - listed


def _died(submitted: _Submitted, trace: str) -> Problem:
    log = submitted.job.paths.stderr
    reason = first_line(trace.strip().splitlines()[-1]) if trace else "its job ended early"
    where = f"see {log}" if log.exists() else f"no node could write {log}: do they share the disk?"
    what = submitted.task.job.describe()
    return Problem("BenchError", f"{what}: {reason}, {DEATHS} times; {where}")
