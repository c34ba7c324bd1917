"""Embeddings of the training texts, stored once and looked up in the loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.artifacts import Artifact
from bench.encoding.encoder import encode
from bench.encoding.tokens import Tokens
from bench.files import save_array
from bench.losses.signals import Signal, Signals
from bench.samplers.base import Triples
from bench.teaching.encoded import WARMING, encoded
from bench.teaching.scorers import BiScorer
from bench.teaching.tunable import Ready
from bench.training.warming import seconds_for_nothing

SCORED = {Signal.SCORES, Signal.IN_BATCH}


@dataclass(frozen=True)
class Stored:
    """Vectors of some texts, float32, memory-mapped.

    Attributes:
        vectors: [n, d]; a dot product is the teacher's similarity.
        rows: the row of each position; -1 where it was not encoded.
    """

    vectors: np.ndarray
    rows: np.ndarray
    artifact: Artifact

    def at(self, positions: np.ndarray) -> np.ndarray:
        """[…] positions → […, d]."""
        return self.vectors[self.rows[positions]]


@dataclass(frozen=True)
class StoredEmbeddings:
    """A bi-encoder's signals, from what was stored of queries and documents."""

    needs: frozenset[Signal]
    queries: Stored | None
    documents: Stored | None

    @classmethod
    def of(cls, ready: Ready, needs: frozenset[Signal]) -> StoredEmbeddings:
        """Encode what training can draw and the loss needs, or open it where that has been done."""
        queries = documents = None
        if needs & {*SCORED, Signal.QUERIES}:
            queries = store_queries(ready)
        if needs & {*SCORED, Signal.DOCUMENTS}:
            documents = store_documents(ready)
        return cls(needs, queries, documents)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return tuple(stored.artifact for stored in (self.queries, self.documents) if stored)

    @property
    def width(self) -> int:
        stored = self.queries or self.documents
        return stored.vectors.shape[1] if stored else 0

    def signals(self, triples: Triples) -> Signals:
        # numpy: torch's threads belong to the step that runs meanwhile.
        found: dict[Signal, np.ndarray] = {}
        if self.queries:
            found[Signal.QUERIES] = queries = self.queries.at(triples.queries)
        if self.documents:
            found[Signal.DOCUMENTS] = documents = self.documents.at(triples.documents)
        if Signal.SCORES in self.needs:
            found[Signal.SCORES] = np.einsum("bd,bkd->bk", queries, documents)
        if Signal.IN_BATCH in self.needs:
            found[Signal.IN_BATCH] = np.tensordot(queries, documents, axes=(1, 2))
        return Signals(
            **{signal.name.lower(): torch.from_numpy(found[signal]) for signal in self.needs}
        )


def store_queries(ready: Ready) -> Stored:
    """The vectors of every query it reads."""
    reading = ready.reading
    everything = np.arange(len(reading.texts))
    return _store(ready, "queries", reading.texts.fingerprint, reading.queries, everything)


def store_documents(ready: Ready, positions: np.ndarray | None = None) -> Stored:
    """The vectors of these documents; of all that training can draw where none are given."""
    collection = ready.reading.lab.collection
    drawn = collection.drawable() if positions is None else positions
    fingerprint = collection.documents.fingerprint
    return _store(ready, "documents", fingerprint, ready.reading.documents, drawn)


def _store(
    ready: Ready, side: str, fingerprint: str, tokens: Tokens, positions: np.ndarray
) -> Stored:
    """The vectors of the texts at these positions, made or found."""

    def write(folder: Path) -> float:
        scorer = ready.scorer
        assert isinstance(scorer, BiScorer)
        device, label = ready.reading.lab.device, f"the teacher's {side}"
        some = partial(encode, scorer.encoder, tokens, positions[:WARMING], device, label)
        warming = seconds_for_nothing(some, [], device)
        vectors = encode(scorer.encoder, tokens, positions, device, label)
        save_array(folder / "vectors.npy", vectors.cpu().numpy())
        return warming

    artifact, rows = encoded(
        "teacher-embeddings", ready, side, fingerprint, tokens, positions, write
    )
    return Stored(np.load(artifact.folder / "vectors.npy", mmap_mode="r"), rows, artifact)
