"""Reading text files of a collection line by line, with errors that name file and line."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.collections._ids import what_ails_id
from bench.errors import InputError

_MARK = b"\xef\xbb\xbf"  # of UTF-8, which Windows programs put before the first line


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
    """(line number, id, text, whole object) of a JSONL file as BEIR writes it.

    Args:
        kind: what a line is, for messages: ``document`` or ``query``.

    Raises:
        InputError: a line is no such object, or its id is none.
    """
    for number, line in text_lines(path):
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            said = getattr(error, "msg", error)
            raise InputError(f"{where}: not a JSON object ({said})") from None
        if not isinstance(value, dict):
            raise InputError(f"{where}: not a JSON object, but {_shown(value)}")
        if "\\ud" in line.lower():
            _refuse_surrogates(value, where)
        id = value.get("_id")
        if isinstance(id, int) and not isinstance(id, bool):
            id = str(id)  # as the judgements write it
        id = checked_id(text_of(id, "_id", where), kind, where)
        yield number, id, text_of(value.get("text"), "text", where), value


def text_of(value: Any, key: str, where: str) -> str:
    """The value of a key that has to be text."""
    if not isinstance(value, str):
        found = "has none" if value is None else f"has {_shown(value)}"
        raise InputError(f"{where}: needs {key!r} as text, and {found}")
    return value


def checked_id(id: str, kind: str, where: str) -> str:
    """The id, known to be one."""
    if ailment := what_ails_id(id):
        raise InputError(f"{where}: the {kind} id {id!r} {ailment}")
    return id


def queries_by_id(path: Path, rows: Iterable[tuple[int, str, str]]) -> dict[str, str]:
    """The text of each query of a file, by its id.

    Args:
        rows: line number, id, text.

    Raises:
        InputError: an id stands there twice, or a query is empty.
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
    """(line number, tab-separated fields) of a TSV file whose lines have one of these counts."""
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


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
