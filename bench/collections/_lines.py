"""Reads text files of a collection line by line; errors name file and line."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.collections._ids import explain_bad_id
from bench.errors import InputError

_MARK = b"\xef\xbb\xbf"  # UTF-8's byte order mark, which Windows programs write first


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line without its end) of every line that is not blank.

    Raises:
        InputError: the file is missing, or a line is not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if number == 1:
                    line = line.removeprefix(_MARK)
                try:
                    text = line.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise InputError(f"{path}:{number}: not UTF-8 ({error.reason})") from None
                if text.strip():
                    yield number, text
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def json_texts(path: Path, kind: str) -> Iterator[tuple[int, str, str, dict[str, Any]]]:
    """(line number, id, text, object) of each line of a JSONL file in BEIR's format.

    Args:
        kind: ``document`` or ``query``, for messages.

    Raises:
        InputError: a line is no such object, or its id is not valid.
    """
    for number, line in text_lines(path):
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            raise InputError(f"{where}: not a JSON object ({reason})") from None
        if not isinstance(value, dict):
            raise InputError(f"{where}: not a JSON object, but {_shorten(value)}")
        if "\\ud" in line.lower():
            _refuse_surrogates(value, where)
        id = value.get("_id")
        if isinstance(id, int) and not isinstance(id, bool):
            id = str(id)  # as judgements write it
        id = check_id(text_of(id, "_id", where), kind, where)
        yield number, id, text_of(value.get("text"), "text", where), value


def text_of(value: Any, key: str, where: str) -> str:
    """The value of a key, checked to be text."""
    if not isinstance(value, str):
        problem = "has none" if value is None else f"has {_shorten(value)}"
        raise InputError(f"{where}: needs {key!r} as text, and {problem}")
    return value


def check_id(id: str, kind: str, where: str) -> str:
    """The id, checked to be valid."""
    if ailment := explain_bad_id(id):
        raise InputError(f"{where}: the {kind} id {id!r} {ailment}")
    return id


def queries_by_id(path: Path, rows: Iterable[tuple[int, str, str]]) -> dict[str, str]:
    """The text of each query of a file, by its id.

    Args:
        rows: line number, id, text.

    Raises:
        InputError: an id occurs twice, or a query is empty.
    """
    queries: dict[str, str] = {}
    for number, id, text in rows:
        if id in queries:
            raise InputError(f"{path}:{number}: the query id {id!r} stands there twice")
        if not text.strip():
            raise InputError(f"{path}:{number}: query {id!r} is empty")
        queries[id] = text
    return queries


def columns(path: Path, *counts: int) -> Iterator[tuple[int, list[str]]]:
    """(line number, tab-separated fields) of a TSV file whose lines must have ``counts`` fields."""
    for number, line in text_lines(path):
        fields = line.split("\t")
        if len(fields) not in counts:
            wanted = " or ".join(str(count) for count in counts)
            raise InputError(
                f"{path}:{number}: needs {wanted} tab-separated fields, has {len(fields)}"
            )
        yield number, fields


def _refuse_surrogates(value: dict[str, Any], where: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise InputError(f"{where}: {half!r} is half of a surrogate pair, no character") from None


def _shorten(value: Any) -> str:
    """The value as JSON, cut at 40 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
