"""A teacher's document vectors as a student's own: looked up, and never encoded again."""

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
class Inherited:
    """What a bi-encoder stored of a collection's documents.

    Those that training can draw are charged as the teacher's embeddings are; the others, encoded
    when something first searches them, cost no arm anything, as nobody's do.
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
        """Those of the documents there; another collection's are encoded when first searched."""
        here = self.loaded.tokenized.context
        if collection.fingerprint == here.collection.fingerprint:
            return self
        context = replace(here, collection=collection)
        there = replace(self.loaded, tokenized=replace(self.loaded.tokenized, context=context))
        return store_documents(there, np.arange(len(collection.documents)))

    def encoder(self) -> Encoder:
        """The teacher's encoder, for documents to come; nothing of the training runs it."""
        assert isinstance(self.loaded.scorer, BiScorer)
        return self.loaded.scorer.encoder
