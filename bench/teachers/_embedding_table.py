"""Embeddings of the training texts, stored once and looked up in the loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.encoding.encoder import encode
from bench.encoding.tokens import Tokens
from bench.losses.signals import Signal, Signals
from bench.optimization.warming import rehearsal_seconds
from bench.storage.artifacts import Artifact
from bench.storage.files import save_array
from bench.teachers._encoding import WARMING, encoded
from bench.teachers._loaded import LoadedTeacher
from bench.teachers._scorers import BiScorer
from bench.triples.stream import Triples

SCORED = {Signal.SCORES, Signal.IN_BATCH}


@dataclass(frozen=True)
class EmbeddingTable:
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
class EmbeddingSignals:
    """A bi-encoder's signals, from what was stored of queries and documents."""

    needs: frozenset[Signal]
    queries: EmbeddingTable | None
    documents: EmbeddingTable | None

    @classmethod
    def of(cls, loaded: LoadedTeacher, needs: frozenset[Signal]) -> EmbeddingSignals:
        """Encode what training can draw and the loss needs, or open it where that has been done."""
        queries = documents = None
        if needs & {*SCORED, Signal.QUERIES}:
            queries = store_queries(loaded)
        if needs & {*SCORED, Signal.DOCUMENTS}:
            documents = store_documents(loaded)
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


def store_queries(loaded: LoadedTeacher) -> EmbeddingTable:
    """The vectors of every query it reads."""
    tokenized = loaded.tokenized
    everything = np.arange(len(tokenized.texts))
    return _store(loaded, "queries", tokenized.texts.fingerprint, tokenized.queries, everything)


def store_documents(loaded: LoadedTeacher, positions: np.ndarray | None = None) -> EmbeddingTable:
    """The vectors of these documents; of all that training can draw where none are given."""
    collection = loaded.tokenized.context.collection
    drawn = collection.drawable() if positions is None else positions
    fingerprint = collection.documents.fingerprint
    return _store(loaded, "documents", fingerprint, loaded.tokenized.documents, drawn)


def _store(
    loaded: LoadedTeacher, side: str, fingerprint: str, tokens: Tokens, positions: np.ndarray
) -> EmbeddingTable:
    """The vectors of the texts at these positions, made or found."""

    def write(folder: Path) -> float:
        scorer = loaded.scorer
        assert isinstance(scorer, BiScorer)
        device, label = loaded.tokenized.context.device, f"the teacher's {side}"
        some = partial(encode, scorer.encoder, tokens, positions[:WARMING], device, label)
        warming = rehearsal_seconds(some, device)
        vectors = encode(scorer.encoder, tokens, positions, device, label)
        save_array(folder / "vectors.npy", vectors.cpu().numpy())
        return warming

    artifact, rows = encoded(
        "teacher-embeddings", loaded, side, fingerprint, tokens, positions, write
    )
    return EmbeddingTable(np.load(artifact.folder / "vectors.npy", mmap_mode="r"), rows, artifact)
