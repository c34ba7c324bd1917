"""Errors a user can act on, and the suggestions that go with them."""

import difflib
from collections.abc import Iterable, Iterator


class BenchError(Exception):
    """Something failed; the message says what and how to go on (exit code 1)."""


class InputError(BenchError):
    """Bad input (exit code 2); the message says what, where, and what would be right."""


class DiskFullError(BenchError):
    """There is no room left where something had to be written: no fault of the run's."""


class BusyError(BenchError):
    """Another process holds what is needed, for too long: no fault of the run's."""


class TrainingError(BenchError):
    """A run cannot be finished (say, a loss that is not finite); it is recorded as failed."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it came from."""
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
    """What an error or a text says, in a line: its first, or its type where it says nothing."""
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` where something known is close, else all that is known."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]!r}?"
    return f" (known: {', '.join(known)})" if known else ""
