"""Embeddings of the training texts, stored once and looked up in the loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from bench.artifacts import Artifact, Made
from bench.collections.base import Texts
from bench.encoding.encoder import Encoder, encode
from bench.encoding.flops import forward_flops
from bench.encoding.models import load_tokenizer, tokenizer_digest, weights_digest
from bench.encoding.tokens import tokenize
from bench.files import digest
from bench.lab import Lab
from bench.losses.signals import Signal, Signals
from bench.samplers.base import Triples
from bench.students.base import Student

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
    def of(
        cls,
        retriever: Student,
        needs: frozenset[Signal],
        queries: Texts,
        lab: Lab,
    ) -> StoredEmbeddings:
        """Encode what training can draw and the loss needs, or open it where that has been done."""
        storing = Storing(retriever, lab)
        asked = storing.queries(queries) if needs & {*SCORED, Signal.QUERIES} else None
        documents = storing.documents() if needs & {*SCORED, Signal.DOCUMENTS} else None
        return cls(needs, asked, documents)

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


@dataclass(frozen=True)
class Storing:
    """Encodes queries, and the documents that training can draw, once."""

    retriever: Student
    lab: Lab

    @cached_property
    def encoder(self) -> Encoder:
        """Loaded by the first thing that has to be made."""
        return self.retriever.build().to(self.lab.device.place)

    def queries(self, queries: Texts) -> Stored:
        length = self.retriever.query_length or self.retriever.max_length
        return self._store("queries", queries, np.arange(len(queries)), length)

    def documents(self) -> Stored:
        texts, drawn = self.lab.collection.documents, self.lab.collection.drawable()
        return self._store("documents", texts, drawn, self.retriever.max_length)

    def _store(self, side: str, texts: Texts, positions: np.ndarray, length: int) -> Stored:
        model, device, artifacts = self.retriever.model, self.lab.device, self.lab.artifacts
        tokens = tokenize(texts, load_tokenizer(model), tokenizer_digest(model), length, artifacts)

        def make(folder: Path) -> Made:
            vectors = encode(self.encoder, tokens, positions, device, f"the teacher's {side}")
            np.save(folder / "vectors.npy", vectors.cpu().numpy())
            np.save(folder / "positions.npy", positions)
            return Made(
                texts=len(positions),
                tokens=(count := int(tokens.lengths(positions).sum())),
                flops=forward_flops(self.encoder, count),
                device=device.label,
            )

        specification = {
            "side": side,
            "texts": texts.fingerprint,
            "positions": digest(positions.tolist()),
            "encoder": self.retriever.specification,
            "weights": weights_digest(model),
            "precision": device.precision,
        }
        artifact = artifacts.get("teacher-embeddings", specification, make, (tokens.artifact,))
        rows = np.full(len(texts), -1, dtype=np.int64)
        rows[np.load(artifact.folder / "positions.npy")] = np.arange(len(positions))
        return Stored(np.load(artifact.folder / "vectors.npy", mmap_mode="r"), rows, artifact)
