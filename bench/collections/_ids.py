"""Checks ids of documents and queries, and explains how similar ids differ."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable


def explain_bad_id(id: str) -> str:
    """Why a document or query cannot have this id; empty if it can.

    White space is not allowed because it separates the columns of TREC files.
    """
    if not id:
        return "is empty"
    return "" if id.split() == [id] else "holds white space, which no TREC file can hold"


def explain_unknown_id(missing: str, known: Iterable[str]) -> str:
    """A sentence about an unknown id and the known one that is probably meant."""
    known = list(known)
    for says, key in _DIFFERENCES.items():
        if wanted := key(missing):
            for id in known:
                if key(id) == wanted:
                    return f"the first is {missing!r}, there is {id!r}: {says}"
    near = difflib.get_close_matches(missing, known, n=1) if len(known) < _FEW else []
    return f"the first is {missing!r}, there is for example {[*near, *known][0]!r}"


_FEW = 10_000  # most ids among which to look for a similar one, which is slow

_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "they differ in white space": lambda id: "".join(id.split()),
    "they differ in case": str.casefold,
    "they differ in leading zeros": lambda id: id.lstrip("0"),
    "they differ in Unicode form": lambda id: unicodedata.normalize("NFKC", id),
    "they differ in what stands around the number": lambda id: re.sub(r"\D", "", id),
}
