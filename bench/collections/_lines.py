"""Reading text files of a collection line by line, with errors that name file and line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.errors import InputError


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line without its end) of every line that is not blank.

    Raises:
        InputError: the file is missing, or a line is not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    text = line.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise InputError(f"{path}:{number}: not UTF-8 ({error.reason})") from None
                if text.strip():
                    yield number, text
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def json_lines(path: Path, *keys: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of a JSONL file; ``keys`` must be there and be text."""
    for number, line in text_lines(path):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{number}: not a JSON object ({error.msg})") from None
        for key in keys:
            if not isinstance(value, dict) or not isinstance(value.get(key), str):
                raise InputError(f"{path}:{number}: needs {key!r} as text")
        yield number, value


def columns(path: Path, *counts: int) -> Iterator[tuple[int, list[str]]]:
    """(line number, tab-separated fields) of a TSV file whose lines have one of these counts."""
    for number, line in text_lines(path):
        fields = line.split("\t")
        if len(fields) not in counts:
            wanted = " or ".join(str(count) for count in counts)
            raise InputError(
                f"{path}:{number}: needs {wanted} tab-separated fields, has {len(fields)}"
            )
        yield number, fields


def relevance(path: Path, number: int, field: str) -> int:
    """A judgement's grade; graded collections write whole numbers."""
    try:
        return int(field)
    except ValueError:
        raise InputError(
            f"{path}:{number}: relevance must be a whole number, not {field!r}"
        ) from None
