"""Checks a part's queries and judgements, and leaves out and counts what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.collections._ids import explain_bad_id, explain_unknown_id
from bench.collections.base import RawPart
from bench.errors import InputError

Pairs = list[tuple[str, str]]
Judgements = list[tuple[str, str, int]]


@dataclass(frozen=True)
class PartRows:
    """The queries of a part that have a relevant document, in the source's order, with their
    judgements."""

    queries: Pairs
    judgements: Judgements

    def only(self, wanted: Callable[[str, str], bool]) -> PartRows:
        """The queries for which ``wanted(id, text)`` is true, with their judgements."""
        queries = [query for query in self.queries if wanted(*query)]
        ids = {id for id, _ in queries}
        return PartRows(queries, [row for row in self.judgements if row[0] in ids])


def check_unique(pairs: Iterable[tuple[str, str]], origin: str, kind: str) -> Pairs:
    """(id, text) of documents or queries, checked to have valid and unique ids.

    Args:
        origin: the file or data set, for messages.
        kind: ``document`` or ``query``, for messages.

    Raises:
        InputError: there are none, or an id occurs twice or is not valid.
    """
    pairs = list(pairs)
    if not pairs:
        raise InputError(f"{origin}: there is no {kind}")
    if len({id for id, _ in pairs}) < len(pairs):
        id, count = Counter(id for id, _ in pairs).most_common(1)[0]
        raise InputError(
            f"{origin}: the {kind} id {id!r} stands there {count} times; ids are unique"
        )
    for id, _ in pairs:
        if ailment := explain_bad_id(id):
            raise InputError(f"{origin}: the {kind} id {id!r} {ailment}")
    return pairs


def check_part(
    name: str, part: RawPart, documents: Mapping[str, int]
) -> tuple[PartRows, list[str]]:
    """(the usable rows of a part, notes on what was left out or is unusual).

    Args:
        documents: the position of each document by its id.

    Raises:
        InputError: a query is empty, most judgements name unknown queries or documents, a document
            has two different judgements, or no document is relevant.
    """
    queries = check_unique(part.queries, part.origin, f"{name} query")
    for id, text in queries:
        if not text.strip():
            raise InputError(f"{part.origin}: query {id!r} is empty")
    judgements, notes = _each_once(name, part)
    for column, kind, known in (
        (0, "queries", {id: None for id, _ in queries}),
        (1, "documents", documents),
    ):
        judgements, more = _known(name, part.origin, judgements, column, kind, known)
        notes += more
    judged = {query for query, _, _ in judgements}
    relevant = {query for query, _, grade in judgements if grade > 0}
    if not relevant:
        raise InputError(f"{part.origin}: no {name} query has a relevant document")
    below, unjudged = sum(row[2] < 0 for row in judgements), len(queries) - len(judged)
    if below:
        notes.append(f"{name}: {below:,} of {len(judgements):,} judgements below 0; not relevant")
    if unjudged:
        notes.append(f"{name}: {unjudged:,} of {len(queries):,} queries not judged; left out")
    if barren := len(judged) - len(relevant):
        notes.append(
            f"{name}: {barren:,} of {len(judged):,} judged queries without a relevant document; "
            "left out of every mean, not taken as 0"
        )
    return PartRows(queries, judgements).only(lambda id, _: id in relevant), notes


def _each_once(name: str, part: RawPart) -> tuple[Judgements, list[str]]:
    """(the judgements without repetitions, a note on how many there were).

    Raises:
        InputError: two judgements of a pair differ.
    """
    first: dict[tuple[str, str], tuple[int, int]] = {}
    kept = []
    rows = list(part.judgements)
    for at, (query, document, grade) in enumerate(rows):
        before, known = first.setdefault((query, document), (at, grade))
        if before == at:
            kept.append(rows[at])
        elif grade != known:
            raise InputError(
                f"{_place(part, at)}: query {query!r} and document {document!r} are judged "
                f"{grade}, and {known} at {_place(part, before)}"
            )
    again = len(rows) - len(kept)
    note = f"{name}: {again:,} of {len(rows):,} judgements repeat another; kept once"
    return kept, [note] if again else []


def _place(part: RawPart, at: int) -> str:
    return f"{part.origin}:{part.lines[at]}" if part.lines else part.origin


def _known(
    name: str,
    origin: str,
    judgements: Judgements,
    column: int,
    kind: str,
    known: Mapping[str, object],
) -> tuple[Judgements, list[str]]:
    """(the judgements of known queries or documents, a note on how many others were left out).

    Args:
        column: of the judgements that is checked.
        kind: ``queries`` or ``documents``, for messages.

    Raises:
        InputError: more than half of the judgements name unknown ones.
    """
    missing = [str(row[column]) for row in judgements if row[column] not in known]
    if not missing:
        return judgements, []
    if 2 * len(missing) > len(judgements):
        raise InputError(
            f"{origin}: {len(missing):,} of {len(judgements):,} judgements ({name}) name {kind} "
            f"that are not there; {explain_unknown_id(missing[0], known)}"
        )
    note = (
        f"{name}: {len(missing):,} of {len(judgements):,} judgements name {kind} that are not "
        f"there (the first is {missing[0]!r}); left out"
    )
    return [row for row in judgements if row[column] in known], [note]
