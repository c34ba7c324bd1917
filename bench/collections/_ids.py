"""What an id of a document or a query can be, and how two ids of the same thing differ."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable


def what_ails_id(id: str) -> str:
    """Why a document or query cannot have this id; empty where it can.

    TREC files separate their columns by any white space, and so does whoever reads them.
    """
    if not id:
        return "is empty"
    return "" if id.split() == [id] else "holds white space, which no TREC file can hold"


def how_they_differ(missing: str, known: Iterable[str]) -> str:
    """A sentence on the id that is not there, and the one that is probably meant."""
    known = list(known)
    for says, key in _DIFFERENCES.items():
        if wanted := key(missing):
            for id in known:
                if key(id) == wanted:
                    return f"the first is {missing!r}, there is {id!r}: {says}"
    near = difflib.get_close_matches(missing, known, n=1) if len(known) < _FEW else []
    return f"the first is {missing!r}, there is for example {[*near, *known][0]!r}"


_FEW = 10_000  # looking for one that is nearly the same is slow

_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "they differ in white space": lambda id: "".join(id.split()),
    "they differ in case": str.casefold,
    "they differ in leading zeros": lambda id: id.lstrip("0"),
    "they differ in Unicode form": lambda id: unicodedata.normalize("NFKC", id),
    "they differ in what stands around the number": lambda id: re.sub(r"\D", "", id),
}
