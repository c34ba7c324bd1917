"""Errors a user can act on, and the suggestions that go with them."""

import difflib
from collections.abc import Iterable, Iterator


class BenchError(Exception):
    """Something failed; the message says what and how to go on (exit code 1)."""


class InputError(BenchError):
    """Bad input (exit code 2); the message says what, where, and what would be right."""


class DiskFullError(BenchError):
    """The disk is full. This is no fault of the run, which goes on later."""


class BusyError(BenchError):
    """Another process holds a file too long. This is no fault of the run, which goes on later."""


class TrainingError(BenchError):
    """A run cannot be finished (say, a loss that is not finite); it is recorded as failed."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and the chain of its causes."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]


def first_line(said: object) -> str:
    """The first line of an error or a text; the error's type where it has none."""
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` where something known is close, else all that is known."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]!r}?"
    return f" (known: {', '.join(known)})" if known else ""
