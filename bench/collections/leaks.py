"""Checks that test collections share nothing with training."""

from __future__ import annotations

from bench.collections.base import Collection, Part
from bench.errors import InputError


def check_apart(collection: Collection, name: str, other: Collection) -> None:
    """Check that another collection's test part shares no relevant pair with train or dev.

    Queries alone may be equal by chance; a query with a relevant document is not.

    Args:
        name: of the other collection in the study file, for messages.

    Raises:
        InputError: the texts of a pair of its ``test`` part are also in train or dev.
    """
    test = other.part("test")
    queries = set(test.queries.texts.to_pylist())
    test_pairs = _pairs(other, test, queries)
    for part in ("train", "dev"):
        shared = test_pairs & _pairs(collection, collection.part(part), queries)
        if shared:
            query = min(shared)[0]
            raise InputError(
                f"test_collections.{name}: {len(shared)} of its judged pairs are also in {part} of "
                f"{collection.name} (for example the query {query!r}); test must serve nothing else"
            )


def _pairs(collection: Collection, part: Part, among: set[str]) -> set[tuple[str, str]]:
    """(query, relevant document) texts of the part, for queries whose text is in ``among``."""
    queries = part.queries.texts.to_pylist()
    rows = [row for row in part.relevant().tolist() if queries[row[0]] in among]
    documents = collection.documents.take([document for _, document in rows])
    return {(queries[query], text) for (query, _), text in zip(rows, documents, strict=True)}
