"""Judgements as files write them: grades and header rows."""

import re
from collections.abc import Container, Iterable
from pathlib import Path

from bench.errors import InputError

MOST = 1_000_000
"""The largest grade, either way: evaluators keep a counter for every grade up to it."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


def grade(written: str, where: str) -> int:
    """A judgement's grade: a whole number, however it is written (``2``, ``2.0``, ``2e0``).

    Raises:
        InputError: it is none, or a larger one than evaluators can count.
    """
    value = float(written) if _NUMBER.fullmatch(written.strip()) else float("nan")
    if not value.is_integer():
        raise InputError(f"{where}: relevance must be a whole number, not {written!r}")
    if abs(value) > MOST:
        raise InputError(f"{where}: relevance must be at most {MOST:,}, not {written!r}")
    return int(value)


def read_judgements(
    path: Path, rows: Iterable[tuple[int, str, str, str]], queries: Container[str]
) -> tuple[list[tuple[str, str, int]], list[int]]:
    """The judgements of a file, and the line of each.

    The first line is a header where its grade is no number and its query none of ``queries``.

    Args:
        rows: line number, query id, document id, grade.
    """
    judgements, lines = [], []
    for at, (number, query, document, written) in enumerate(rows):
        if at == 0 and query not in queries and not _is_number(written):
            continue
        judgements.append((query, document, grade(written, f"{path}:{number}")))
        lines.append(number)
    return judgements, lines


def _is_number(written: str) -> bool:
    try:
        float(written)
    except ValueError:
        return False
    return True
