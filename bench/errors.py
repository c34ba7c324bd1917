"""Errors that a user can act on, and suggestions for their messages."""

import difflib
from collections.abc import Iterable, Iterator


class BenchError(Exception):
    """Something failed; the message says what, and how to continue (exit code 1)."""


class InputError(BenchError):
    """Bad input (exit code 2); the message says what is wrong, where, and what would be right."""


class DiskFullError(BenchError):
    """The disk is full; a run that meets it is not marked failed."""


class BusyError(BenchError):
    """Another process locks a resource for too long; a run that meets it is not marked failed."""


class TrainingError(BenchError):
    """A run cannot be finished (its loss is not finite, for example); it is recorded as failed."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and all errors that it was raised from or while handling."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]


def first_line(message: object) -> str:
    """The first line of an error or a text; the name of its type if it is empty."""
    lines = str(message).strip().splitlines()
    return lines[0] if lines else type(message).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` if a known name is similar, else a list of all known names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]!r}?"
    return f" (known: {', '.join(known)})" if known else ""
