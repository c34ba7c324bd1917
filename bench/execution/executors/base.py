"""What an executor is: it has tasks carried out by workers, wherever these are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bench.errors import BenchError, BusyError, DiskFullError, InputError, first_line
from bench.execution.task import Task
from bench.storage.files import disk_is_full


@dataclass(frozen=True)
class Problem:
    """Why a task was not carried out, if its run is not to blame; picklable.

    Attributes:
        kind: the class of the error that a command ends with, by its name.
    """

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Problem:
        """The problem that an error in a worker is."""
        if isinstance(error, BenchError):
            return cls(type(error).__name__, str(error))
        if disk_is_full(error):
            return cls(DiskFullError.__name__, f"{first_line(error)}; the disk is full")
        return cls(BenchError.__name__, f"{type(error).__name__}: {first_line(error)}")

    def error(self) -> BenchError:
        """The error that the command ends with."""
        kinds = {one.__name__: one for one in (InputError, BusyError, DiskFullError)}
        return kinds.get(self.kind, BenchError)(self.message)


@dataclass(frozen=True)
class Completion:
    """A task that has ended.

    Attributes:
        problem: `None` if the record in the run's folder is the result.
    """

    task: Task
    problem: Problem | None = None


class Executor(Protocol):
    """Has tasks carried out, until it is closed.

    A worker that dies is the executor's business: it gives the task to another one, which goes on
    from the run's checkpoint. After `DEATHS` deaths in the same task that is a problem.

    Attributes:
        slots: how many tasks may be in progress at once.
    """

    slots: int

    def submit(self, task: Task) -> None:
        """Have a task carried out."""

    def completed(self, timeout: float) -> list[Completion]:
        """The tasks that have ended since the last call.

        Args:
            timeout: seconds to wait for the first of them.
        """

    def close(self) -> None:
        """Stop all workers; what they have not finished goes on from its checkpoints later."""


DEATHS = 3
"""How many workers may die of one task."""
