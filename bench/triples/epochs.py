"""A stream that goes through pairs of query and positive, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bench.triples.stream import DrawPlan, Triples

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.storage.artifacts import Artifact

Choose = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""(random stream, rows of the pairs [B]) → negatives [B, K]."""


class Epochs:
    """Every (query, positive) pair once per epoch, each epoch in a new order with new negatives.

    Args:
        queries: the list that positions of queries refer to.
        pairs: int64 [n, 2]: positions of query and relevant document.
        choose: draws the negatives for rows of ``pairs``.
        artifacts: those that drawing reads.
    """

    all_pairs: DrawPlan | None = None

    def __init__(
        self,
        queries: Texts,
        pairs: np.ndarray,
        choose: Choose,
        artifacts: tuple[Artifact, ...] = (),
    ) -> None:
        self.queries = queries
        self.pairs = pairs
        self.artifacts = artifacts
        self._choose = choose
        self._order = lru_cache(maxsize=4)(self._epoch)

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        epochs, places = np.divmod(np.arange(start, stop), len(self.pairs))
        rows = np.empty(len(epochs), dtype=np.int64)
        for epoch in np.unique(epochs):
            current = epochs == epoch
            rows[current] = self._order(seed, int(epoch))[places[current]]
        negatives = self._choose(np.random.default_rng([seed, NEGATIVES, start]), rows)
        return Triples(self.pairs[rows, 0], self.pairs[rows, 1], negatives)

    def _epoch(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, ORDER, epoch]).permutation(len(self.pairs))


ORDER, NEGATIVES = 1, 2  # separate random streams of one seed
