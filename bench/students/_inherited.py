"""A teacher's document vectors as a student's own: looked up, and never encoded again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bench.artifacts import Artifact
from bench.encoding.encoder import Encoder
from bench.encoding.towers import Vectors
from bench.lab import Lab
from bench.teaching.scorers import BiScorer
from bench.teaching.stored import Stored, store_documents
from bench.teaching.tunable import Ready


@dataclass(frozen=True)
class Inherited:
    """What a bi-encoder stored of a collection's documents.

    Those that training can draw are charged as the teacher's embeddings are; the others, encoded
    when something first searches them, cost no arm anything, as nobody's do.
    """

    ready: Ready

    @cached_property
    def _drawable(self) -> Stored:
        return store_documents(self.ready)

    @cached_property
    def _others(self) -> Stored:
        collection = self.ready.reading.lab.collection
        everything = np.arange(len(collection.documents))
        return store_documents(self.ready, np.setdiff1d(everything, collection.drawable()))

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

    def of(self, lab: Lab) -> Vectors:
        """Those of the documents there; another collection's are encoded when first searched."""
        if lab.collection.fingerprint == self.ready.reading.lab.collection.fingerprint:
            return self
        there = replace(self.ready, reading=replace(self.ready.reading, lab=lab))
        return store_documents(there, np.arange(len(lab.collection.documents)))

    def encoder(self) -> Encoder:
        """The teacher's encoder, for documents to come; nothing of the training runs it."""
        assert isinstance(self.ready.scorer, BiScorer)
        return self.ready.scorer.encoder
