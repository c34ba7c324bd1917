"""Made-up texts in place of a data set of ir_datasets, with its fields and grades."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.collections.ir_datasets_id import documents_of
from bench.lazy import Library

if TYPE_CHECKING:
    import ir_datasets
else:
    ir_datasets = Library("ir_datasets")

DOCUMENTS, QUERIES, PAIRS = 300, 40, (8, 2)
"""Sizes of every data set; queries of a train part have 8 and 2 triples alternately."""

LENGTHS = {"document": 20, "query": 4}
"""Words of each text."""

_VOCABULARY = (
    "apple arm art baby ball bank bear bed bell bird blood boat body bone book boy bread bridge "
    "brother bus cake camp car cat chair child church city class clock cloud coat coffee corn cow "
    "cup dance day desk dinner dog door dream dress ear earth egg eye face family farm field fire "
    "fish floor flower food foot forest friend fruit game garden gate girl glass gold grass hair "
    "hand hat heart hill home horse house ice island king kitchen lake leaf letter light lion map "
    "market milk moon mountain mouth music name night ocean paper park pen picture queen rain "
    "river road rock roof room salt school sea ship shoe snow song star stone street summer sun "
    "table tea train tree village wall watch water wind window winter wood word world"
)
WORDS = np.array(_VOCABULARY.split())


class MadeUp:
    """A stand-in for a data set, with what `bench.collections.ir_datasets_id` reads.

    The real data set says which fields it has, without a download. Data sets with the same
    documents share them here too; each has its own queries.

    Args:
        id: of a data set that ir_datasets knows.
    """

    def __init__(self, id: str) -> None:
        self._id = id
        self._real = ir_datasets.load(id)
        self._documents = _texts(documents_of(id))
        self._random = np.random.default_rng(zlib.crc32(id.encode()))
        self._first = int(self._random.integers(DOCUMENTS))
        self._queries = [self._ask(at) for at in range(QUERIES)]

    def has_qrels(self) -> bool:
        return bool(self._real.has_qrels())

    def has_docpairs(self) -> bool:
        return bool(self._real.has_docpairs())

    def docs_iter(self) -> Iterator[Any]:
        for at, text in enumerate(self._documents):
            yield _filled(self._real.docs_cls(), text, doc_id=f"d{at}")

    def queries_iter(self) -> Iterator[Any]:
        for at, text in enumerate(self._queries):
            yield _filled(self._real.queries_cls(), text, query_id=self._query(at))

    def qrels_iter(self) -> Iterator[Any]:
        """A judgement with each grade of the real data set for every query, the best first."""
        known = [int(grade) for grade in self._real.qrels_defs()]
        grades = sorted(known or [1], reverse=True)
        for at in range(QUERIES):
            for place, grade in enumerate(grades):
                ids = {"query_id": self._query(at), "doc_id": f"d{self._document(at, place)}"}
                yield _filled(self._real.qrels_cls(), "0", **ids, relevance=grade)

    def docpairs_iter(self) -> Iterator[Any]:
        for at, count in zip(range(QUERIES), cycle(PAIRS), strict=False):
            for place in range(1, 1 + count):
                ids = [f"d{self._document(at, rank)}" for rank in (0, place)]
                pair = {"doc_id_a": ids[0], "doc_id_b": ids[1]}
                yield _filled(self._real.docpairs_cls(), "", query_id=self._query(at), **pair)

    def _query(self, at: int) -> str:
        return f"{self._id}-{at}"

    def _document(self, query: int, place: int) -> int:
        """The position of the query's judged document at this place, the best first."""
        return (self._first + 7 * query + place) % DOCUMENTS

    def _ask(self, query: int) -> str:
        """The query's text: some words of its best document."""
        words = self._documents[self._document(query, 0)].split()
        return " ".join(self._random.choice(words, LENGTHS["query"], replace=False))


def _texts(name: str) -> list[str]:
    """The documents of a data set; the same name always gives the same ones."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return [" ".join(random.choice(WORDS, LENGTHS["document"])) for _ in range(DOCUMENTS)]


def _filled(cls: type, text: str, **known: Any) -> Any:
    """A row of a real data set's type, with the ``known`` fields; others get text or numbers."""
    empty = {str: text, bytes: text.encode(), int: 1, float: 1.0}
    fields = {name: empty.get(kind, [text]) for name, kind in cls.__annotations__.items()}
    return cls(**{**fields, **known})
