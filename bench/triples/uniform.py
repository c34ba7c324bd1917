"""Negatives drawn uniformly."""

from __future__ import annotations

import numpy as np

from bench.collections.base import Collection
from bench.errors import InputError
from bench.triples.pairs import encode_pairs


class UniformNegatives:
    """Draws train documents that are not judged relevant for a query."""

    def __init__(self, collection: Collection) -> None:
        self._pool = collection.trainable
        self._documents = len(collection.documents)
        pairs = collection.part("train").relevant()
        own = collection.ignored(collection.part("train").queries)
        if own is not None:  # a query that is a document too must not be its own negative
            queries = np.flatnonzero(own >= 0)
            itself = np.stack([queries, own[queries]], 1)
            pairs = np.unique(np.concatenate([pairs, itself]), axis=0)
        codes = np.sort(encode_pairs(pairs[:, 0], pairs[:, 1], self._documents))
        # The last code makes every result of `searchsorted` a valid index.
        self._relevant = np.append(codes, np.iinfo(np.int64).max)
        inside = np.isin(pairs[:, 1], self._pool)
        most = np.bincount(pairs[inside, 0]).max(initial=0)
        if most >= len(self._pool):
            raise InputError(f"{collection.name}: a train query has no document but relevant ones")

    def draw(self, random: np.random.Generator, queries: np.ndarray, count: int) -> np.ndarray:
        """[B, count] positions of train documents that are not relevant for each query, uniform."""
        owners = np.repeat(queries, count)
        drawn = random.choice(self._pool, size=len(owners))
        while len(wrong := np.flatnonzero(self._is_relevant(owners, drawn))):
            drawn[wrong] = random.choice(self._pool, size=len(wrong))
        return drawn.reshape(len(queries), count)

    def _is_relevant(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """Whether each pair is judged relevant; bisection keeps this fast for millions of pairs."""
        codes = encode_pairs(queries, documents, self._documents)
        return self._relevant[np.searchsorted(self._relevant, codes)] == codes
