"""A teacher's stored document vectors, which a student uses as its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bench.collections.base import Collection
from bench.encoding.encoder import Encoder
from bench.encoding.towers import Vectors
from bench.storage.artifacts import Artifact
from bench.teachers import BiScorer, EmbeddingTable, LoadedTeacher, store_documents


@dataclass(frozen=True)
class InheritedVectors:
    """The document vectors that a bi-encoder teacher stored for a collection.

    Vectors of documents that training can draw are charged like the teacher's embeddings. The
    others are encoded when they are first searched and are charged to no arm, as encoding for
    evaluation never is.
    """

    loaded: LoadedTeacher

    @cached_property
    def _drawable(self) -> EmbeddingTable:
        return store_documents(self.loaded)

    @cached_property
    def _others(self) -> EmbeddingTable:
        collection = self.loaded.tokenized.context.collection
        everything = np.arange(len(collection.documents))
        return store_documents(self.loaded, np.setdiff1d(everything, collection.drawable()))

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return (self._drawable.artifact,)

    @property
    def width(self) -> int:
        return self._drawable.vectors.shape[1]

    def at(self, positions: np.ndarray) -> np.ndarray:
        """[n] documents → float32 [n, d]; a dot product is the similarity."""
        drawable = self._drawable.rows[positions] >= 0
        if drawable.all():
            return self._drawable.at(positions)
        vectors = np.empty((len(positions), self.width), dtype=np.float32)
        vectors[drawable] = self._drawable.at(positions[drawable])
        vectors[~drawable] = self._others.at(positions[~drawable])
        return vectors

    def of(self, collection: Collection) -> Vectors:
        """The vectors of this collection's documents; another collection's are encoded now."""
        context = self.loaded.tokenized.context
        if collection.fingerprint == context.collection.fingerprint:
            return self
        tokenized = replace(self.loaded.tokenized, context=replace(context, collection=collection))
        loaded = replace(self.loaded, tokenized=tokenized)
        return store_documents(loaded, np.arange(len(collection.documents)))

    def encoder(self) -> Encoder:
        """The teacher's encoder, to encode new documents; training never runs it."""
        assert isinstance(self.loaded.scorer, BiScorer)
        return self.loaded.scorer.encoder
