"""Parses files of judgements: grades, and header rows."""

import re
from collections.abc import Container, Iterable
from pathlib import Path

from bench.errors import InputError

MOST = 1_000_000
"""The largest absolute value of a grade: evaluators keep a counter for every grade up to it."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


def grade(text: str, where: str) -> int:
    """A judgement's grade, a whole number in any notation (``2``, ``2.0``, ``2e0``).

    Args:
        where: file and line, for messages.

    Raises:
        InputError: it is no whole number, or exceeds `MOST`.
    """
    value = float(text) if _NUMBER.fullmatch(text.strip()) else float("nan")
    if not value.is_integer():
        raise InputError(f"{where}: relevance must be a whole number, not {text!r}")
    if abs(value) > MOST:
        raise InputError(f"{where}: relevance must be at most {MOST:,}, not {text!r}")
    return int(value)


def read_judgements(
    path: Path, rows: Iterable[tuple[int, str, str, str]], queries: Container[str]
) -> tuple[list[tuple[str, str, int]], list[int]]:
    """(the judgements of a file, the line number of each).

    The first line is a header if its grade is no number and its query none of ``queries``.

    Args:
        rows: (line number, query id, document id, grade).
        queries: known ids.
    """
    judgements, lines = [], []
    for at, (number, query, document, text) in enumerate(rows):
        if at == 0 and query not in queries and not _is_number(text):
            continue
        judgements.append((query, document, grade(text, f"{path}:{number}")))
        lines.append(number)
    return judgements, lines


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
