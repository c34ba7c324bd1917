"""The base class of sources, and collections: as a source reads them, and prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.errors import InputError, did_you_mean
from bench.registry import Entry
from bench.storage.files import digest


@dataclass
class RawPart:
    """One part as a source reads it.

    Attributes:
        queries: (id, text).
        judgements: (query id, document id, relevance), relevance > 0 meaning relevant.
        origin: the file or data set that it was read from, for messages.
        lines: the line number of each judgement, if they were read from a file.
    """

    queries: Iterable[tuple[str, str]]
    judgements: Iterable[tuple[str, str, int]]
    origin: str
    lines: Sequence[int] = ()


@dataclass
class RawCollection:
    """A collection as a source reads it; `bench.collections.prepare` checks and stores it.

    Attributes:
        documents: (id, text) of everything that is searched.
        parts: ``train``, ``test``, optionally ``dev`` and further test parts named ``test-…``.
        origin: the file or data set that the documents were read from, for messages.
        trainable: ids of the documents that may be training negatives; `None` means all.
        triples: (query id, positive id, negative id) for training, if the source has them.
        notes: sentences for reports (what was left out, merged, …).
    """

    documents: Iterable[tuple[str, str]]
    parts: dict[str, RawPart]
    origin: str
    trainable: set[str] | None = None
    triples: Iterable[tuple[str, str, str]] | None = None
    notes: list[str] = field(default_factory=list)


BM25Tokens = Literal["words", "char-2", "char-3", "char-4"]


@dataclass(frozen=True)
class Source(Entry):
    """A description of where a collection comes from, which reads it when asked.

    Attributes:
        ignore_identical_ids: whether to leave the document with a query's own id out of that
            query's rankings, as BEIR does, for queries that are documents too (ArguAna, Quora).
        bm25_tokens: what BM25 matches: ``words``, or sequences of 2, 3 or 4 characters, for
            languages that are written without spaces.
    """

    ignore_identical_ids: bool = field(default=False, kw_only=True)
    bm25_tokens: BM25Tokens = field(default="words", kw_only=True)

    def identity(self) -> dict[str, Any]:
        """What the content depends on (digests of files, versions); must be fast to compute."""
        raise NotImplementedError

    def part_names(self) -> frozenset[str] | None:
        """The names of its parts; `None` if they are not known before it is read."""
        return None

    def read(self) -> RawCollection:
        """The complete collection.

        Raises:
            InputError: its data are malformed; the message names file and line.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Texts:
    """Ids and texts, memory-mapped, in a fixed order; elsewhere a text is known by its position.

    Attributes:
        fingerprint: 16 hex digits that identify these texts.
    """

    ids: pa.Array
    texts: pa.Array
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ids)

    def id_list(self) -> list[str]:
        return self.ids.to_pylist()

    def only(self, positions: np.ndarray) -> Texts:
        """The texts at these positions, in this order, as `Texts`."""
        chosen = pa.array(positions, pa.int64())
        fingerprint = digest({"texts": self.fingerprint, "positions": positions.tolist()})
        return Texts(self.ids.take(chosen), self.texts.take(chosen), fingerprint)

    def take(self, positions: Sequence[int] | np.ndarray) -> list[str]:
        """The texts at these positions."""
        return self.texts.take(pa.array(positions, pa.int64())).to_pylist()

    @cached_property
    def tie_order(self) -> np.ndarray:
        """Each position's rank in descending order of ids, which decides between equal scores.

        trec_eval uses descending order too, so other tools rank our run files in the same way.
        """
        order = sorted(range(len(self)), key=self.id_list().__getitem__, reverse=True)
        ranks = np.empty(len(self), dtype=np.int64)
        ranks[order] = np.arange(len(self))
        return ranks


@dataclass(frozen=True)
class Part:
    """The queries of a part and their judgements.

    Attributes:
        judgements: int64 [n, 3]: position of query, position of document, grade.
    """

    name: str
    queries: Texts
    judgements: np.ndarray

    def relevant(self) -> np.ndarray:
        """(query, document) positions of every pair with a grade > 0: int64 [m, 2]."""
        return self.judgements[self.judgements[:, 2] > 0][:, :2]


@dataclass(frozen=True)
class Collection:
    """A prepared collection.

    Attributes:
        name: the source with its options, as a study file writes it.
        fingerprint: 16 hex digits over every document, query and judgement.
        documents: everything that is searched.
        parts: by name: ``train``, ``dev``, ``test``, ….
        trainable: positions of the documents that may be training negatives.
        triples: int64 [n, 3] positions of train query, positive, negative; `None` if the source
            has none.
        notes: sentences for reports (how dev was carved, …).
        whole: the fingerprint before `subset` took a share of the train queries; it identifies
            what is searched, which does not depend on that share.
        searchable: positions of the documents that have text; the others are never found.
        ignore_identical_ids, bm25_tokens: as in `Source`.
    """

    name: str
    fingerprint: str
    documents: Texts
    parts: dict[str, Part]
    trainable: np.ndarray
    triples: np.ndarray | None
    notes: tuple[str, ...]
    whole: str
    searchable: np.ndarray
    ignore_identical_ids: bool
    bm25_tokens: BM25Tokens

    def part(self, name: str) -> Part:
        if name not in self.parts:
            raise InputError(
                f"collection {self.name}: no part is named {name!r}{did_you_mean(name, self.parts)}"
            )
        return self.parts[name]

    def ignored(self, queries: Texts) -> np.ndarray | None:
        """int64 [Q]: the position of the document to leave out for each query, -1 for none.

        `None` if no document is left out for any query.
        """
        if not self.ignore_identical_ids:
            return None
        return pc.index_in(queries.ids, value_set=self.documents.ids).fill_null(-1).to_numpy()

    def subset(self, share: float) -> Collection:
        """The collection with a share of its train queries, at least one.

        Only queries with something to train on (a relevant document, or triples if there are any)
        count. They are chosen by a hash of the id, so that smaller shares lie within larger ones.
        Documents, dev and test stay as they are.
        """
        if share == 1:
            return self
        train = self.part("train")
        pairs = train.relevant() if self.triples is None else self.triples
        usable = np.unique(pairs[:, 0])
        keys = _hashes("train share", train.queries)
        order = sorted(usable.tolist(), key=keys.__getitem__)
        kept = np.sort(np.array(order[: max(round(share * len(order)), 1)], dtype=np.int64))
        fingerprint = digest({"collection": self.fingerprint, "queries": kept.tolist()})
        part = Part("train", train.queries.only(kept), _among(train.judgements, kept))
        triples = None if self.triples is None else _among(self.triples, kept)
        note = f"train: {len(kept):,} of {len(order):,} queries, a share of {share:g}"
        return replace(
            self,
            fingerprint=fingerprint,
            parts={**self.parts, "train": part},
            triples=triples,
            notes=(*self.notes, note),
        )

    def drawable(self) -> np.ndarray:
        """Positions of every document that training can draw, sorted."""
        drawn = np.union1d(self.trainable, self.part("train").relevant()[:, 1])
        return drawn if self.triples is None else np.union1d(drawn, self.triples[:, 1:])

    def dev_halves(self) -> dict[str, np.ndarray]:
        """Positions of the dev queries in ``dev-select`` (choices) and ``dev-curve`` (curves).

        The split is made by a hash of the query's id, so it is the same on every machine.
        """
        keys = _hashes("dev half", self.part("dev").queries)
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
        half = len(keys) // 2
        return {"dev-select": np.sort(order[:half]), "dev-curve": np.sort(order[half:])}


def _hashes(purpose: str, texts: Texts) -> list[bytes]:
    """A hash of each text's id; the same on every machine, and different for each purpose."""
    return [hashlib.sha256(f"{purpose} {id}".encode()).digest() for id in texts.id_list()]


def _among(rows: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The rows whose query (first column) is in ``kept`` (sorted), with its index there."""
    ours = rows[np.isin(rows[:, 0], kept)].copy()
    ours[:, 0] = np.searchsorted(kept, ours[:, 0])
    return ours
