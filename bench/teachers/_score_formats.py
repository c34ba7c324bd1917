"""Parses the lines of files of scores in the known formats."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import InputError

Scored = tuple[str, list[str], list[float]]
"""The content of a line: a query's id, documents' ids, and the score of each document."""

LARGEST = float(np.finfo(np.float32).max)

MARGINS = (
    "5 tab-separated fields: score of the positive, score of the negative, query id, positive id, "
    "negative id"
)
TREC = "6 fields: query id, Q0, document id, rank, score, tag"
JSONL = (
    'a JSON object {"qid": id, "scores": {id: score}} or {"qid": id, "pos": [{"pid": id, '
    '"ce-score": score}], "neg": {system: [the same]}}'
)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line without its end) of every line that is not blank; gzip is unpacked.

    Raises:
        InputError: the file cannot be read, or a line is not UTF-8.
    """
    number = 0
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                text = line.decode("utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: not UTF-8 ({error.reason})") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def detect(path: Path) -> str:
    """The format of a file, recognised by its first line.

    Raises:
        InputError: the format is unknown, or the file is empty.
    """
    for number, line in lines(path):
        if line.lstrip().startswith("{"):
            return "jsonl"
        if line.count("\t") == 4:
            return "margins"
        if len(line.split()) == 6:
            return "trec"
        raise InputError(f"{path}:{number}: needs {MARGINS}; or {TREC}; or {JSONL}")
    raise InputError(f"{path}: it is empty")


def _margins(line: str) -> Scored:
    fields = line.split("\t")
    if len(fields) != 5:
        raise ValueError(f"needs {MARGINS}; has {len(fields)}")
    return fields[2], fields[3:], [_score(fields[0]), _score(fields[1])]


def _trec(line: str) -> Scored:
    fields = line.split()
    if len(fields) != 6:
        raise ValueError(f"needs {TREC}; has {len(fields)}")
    return fields[0], [fields[2]], [_score(fields[4])]


def _jsonl(line: str) -> Scored:
    try:
        value = json.loads(line)
        if "scores" in value:
            pairs = list(value["scores"].items())
        else:
            listed = [value["pos"], *value["neg"].values()]
            pairs = [(item["pid"], item["ce-score"]) for items in listed for item in items]
        query = _id(value["qid"])
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ValueError(f"needs {JSONL}") from None
    for _, score in pairs:
        if type(score) not in (int, float):
            raise ValueError(f"the score {score!r} is not a number")
    return query, [_id(id) for id, _ in pairs], [_score(score) for _, score in pairs]


def _id(value: Any) -> str:
    if type(value) not in (str, int):
        raise ValueError(f"the id {value!r} is neither text nor a whole number")
    return str(value)


def _score(text: str | float) -> float:
    try:
        value = float(text)
    except (ValueError, OverflowError):
        raise ValueError(f"the score {text!r} is not a number") from None
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"the score {text!r} is not finite")
    return value


FORMATS: dict[str, Callable[[str], Scored]] = {"margins": _margins, "jsonl": _jsonl, "trec": _trec}
