"""Test collections must be strangers to training."""

from __future__ import annotations

from bench.collections.base import Collection, Part
from bench.errors import InputError


def check_apart(collection: Collection, name: str, other: Collection) -> None:
    """That no test of another collection has a pair that training or choices see here.

    Queries may be the same by chance; a query together with a relevant document is not.

    Raises:
        InputError: a judged pair of its ``test`` part is, word for word, in train or dev.
    """
    test = other.part("test")
    tested = set(test.queries.texts.to_pylist())
    asked = _pairs(other, test, tested)
    for part in ("train", "dev"):
        shared = asked & _pairs(collection, collection.part(part), tested)
        if shared:
            query = min(shared)[0]
            raise InputError(
                f"test_collections.{name}: {len(shared)} of its judged pairs are also in {part} of "
                f"{collection.name} (for example the query {query!r}); test must serve nothing else"
            )


def _pairs(collection: Collection, part: Part, among: set[str]) -> set[tuple[str, str]]:
    """(query, relevant document) texts of the part, for the queries that are ``among``."""
    queries = part.queries.texts.to_pylist()
    rows = [row for row in part.relevant().tolist() if queries[row[0]] in among]
    documents = collection.documents.take([document for _, document in rows])
    return {(queries[query], text) for (query, _), text in zip(rows, documents, strict=True)}
