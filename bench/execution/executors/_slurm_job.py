"""A task as a job of a cluster: what submitit pickles here and calls there, and what comes back."""

from __future__ import annotations

import signal
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from bench.errors import first_line
from bench.execution.executors.base import Problem
from bench.execution.task import Task
from bench.execution.worker import Workplace
from bench.lazy import Library

if TYPE_CHECKING:
    import submitit
else:
    submitit = Library("submitit")


@dataclass(frozen=True)
class ClusterJob:
    """Carries out a task, in a process of its own."""

    place: Workplace
    task: Task

    def __call__(self) -> Problem | None:
        exit_on_signals()
        log = str(submitit.JobEnvironment().paths.stderr)
        try:
            self.place.open(log).execute(self.task)
        except Exception as error:
            traceback.print_exc()
            return Problem.of(error)
        return None

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """What is queued again after a signal: the same, since runs keep their checkpoints."""
        return submitit.helpers.DelayedSubmission(self)


def exit_on_signals() -> None:
    """Let no error in submitit's handler, which queues the job again, be taken for the run's."""
    number = getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}")
    requeue = signal.getsignal(number)
    assert callable(requeue)

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            requeue(number, frame)
        except Exception as error:
            raise SystemExit(f"not queued again: {first_line(error)}") from error

    signal.signal(number, handle)


@dataclass(frozen=True)
class SubmittedTask:
    """A task with submitit's view of its job, which is used for its paths alone.

    What submitit says of a job's state needs SLURM's accounting.
    """

    task: Task
    job: Any

    def has_result(self) -> bool:
        return self.job.paths.result_pickle.exists()

    def take_result(self) -> tuple[str, Any]:
        """(``success``, a problem or `None`) if the job returned, (``error``, …) if not.

        The job's pickles are deleted.
        """
        paths = self.job.paths
        outcome = "error", None
        if self.has_result():
            outcome = submitit.core.utils.pickle_load(paths.result_pickle)
        for pickle in (paths.submitted_pickle, paths.result_pickle):
            pickle.unlink(missing_ok=True)
        return outcome

    def where_to_look(self) -> str:
        log = self.job.paths.stderr
        if log.exists():
            return f"its log: {log}"
        return f"it left no log in {log.parent}: do all nodes see that folder?"
