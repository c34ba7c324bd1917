"""A bi-encoder teacher's embeddings of training texts: stored once, looked up while training."""

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
from bench.teachers._encoded_texts import WARMING, store_texts
from bench.teachers._loaded_teacher import LoadedTeacher
from bench.teachers._scorers import BiScorer
from bench.triples.stream import Triples

SCORED = {Signal.SCORES, Signal.IN_BATCH}


@dataclass(frozen=True)
class EmbeddingTable:
    """Vectors of some texts, float32, memory-mapped.

    Attributes:
        vectors: [n, d]; a dot product is the teacher's similarity.
        rows: the row in ``vectors`` of each text's position; -1 if the text was not encoded.
    """

    vectors: np.ndarray
    rows: np.ndarray
    artifact: Artifact

    def at(self, positions: np.ndarray) -> np.ndarray:
        """[…] positions → […, d]."""
        return self.vectors[self.rows[positions]]


@dataclass(frozen=True)
class EmbeddingSignals:
    """A bi-encoder's signals, computed from stored embeddings."""

    needs: frozenset[Signal]
    queries: EmbeddingTable | None
    documents: EmbeddingTable | None

    @classmethod
    def of(cls, loaded: LoadedTeacher, needs: frozenset[Signal]) -> EmbeddingSignals:
        """Encode what the loss needs of the texts that training can draw, or open the artifacts."""
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
        # numpy, because a training step is using torch's threads at the same time.
        arrays: dict[Signal, np.ndarray] = {}
        if self.queries:
            arrays[Signal.QUERIES] = queries = self.queries.at(triples.queries)
        if self.documents:
            arrays[Signal.DOCUMENTS] = documents = self.documents.at(triples.documents)
        if Signal.SCORES in self.needs:
            arrays[Signal.SCORES] = np.einsum("bd,bkd->bk", queries, documents)
        if Signal.IN_BATCH in self.needs:
            arrays[Signal.IN_BATCH] = np.tensordot(queries, documents, axes=(1, 2))
        return Signals(
            **{signal.name.lower(): torch.from_numpy(arrays[signal]) for signal in self.needs}
        )


def store_queries(loaded: LoadedTeacher) -> EmbeddingTable:
    """The vectors of all of the teacher's queries, from the artifact or encoded now."""
    tokenized = loaded.tokenized
    everything = np.arange(len(tokenized.texts))
    return _store(loaded, "queries", tokenized.texts.fingerprint, tokenized.queries, everything)


def store_documents(loaded: LoadedTeacher, positions: np.ndarray | None = None) -> EmbeddingTable:
    """The vectors of these documents, by default of all that training can draw."""
    collection = loaded.tokenized.context.collection
    drawn = collection.drawable() if positions is None else positions
    fingerprint = collection.documents.fingerprint
    return _store(loaded, "documents", fingerprint, loaded.tokenized.documents, drawn)


def _store(
    loaded: LoadedTeacher, side: str, fingerprint: str, tokens: Tokens, positions: np.ndarray
) -> EmbeddingTable:
    """The vectors of the texts at these positions, from the artifact or encoded now."""

    def write(folder: Path) -> float:
        scorer = loaded.scorer
        assert isinstance(scorer, BiScorer)
        device, label = loaded.tokenized.context.device, f"the teacher's {side}"
        some = partial(encode, scorer.encoder, tokens, positions[:WARMING], device, label)
        warming = rehearsal_seconds(some, device)
        vectors = encode(scorer.encoder, tokens, positions, device, label)
        save_array(folder / "vectors.npy", vectors.cpu().numpy())
        return warming

    artifact, rows = store_texts(
        "teacher-embeddings", loaded, side, fingerprint, tokens, positions, write
    )
    return EmbeddingTable(np.load(artifact.folder / "vectors.npy", mmap_mode="r"), rows, artifact)
