"""What every sampler gives: batches of triples as a pure function of seed and position.

A batch depends on nothing that happened before it, so the position alone is what a checkpoint has
to keep, and the same seed draws the same triples however often a run was killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench.registry import Entry

if TYPE_CHECKING:
    from bench.artifacts import Artifact, Artifacts
    from bench.collections.base import Collection


@dataclass(frozen=True)
class Triples:
    """A batch of B triples as positions: train queries [B], documents [B] and [B, K]."""

    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    def __len__(self) -> int:
        return len(self.queries)


Choose = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""(random stream, rows of the pairs [B]) → negatives [B, K]."""


class Draws:
    """Every (query, positive) pair once an epoch, in an order of its own, with fresh negatives.

    Args:
        pairs: int64 [n, 2]: positions of train query and relevant document.
        choose: picks the negatives of some of the pairs.
        artifacts: what choosing needs, with its bills.
    """

    def __init__(
        self, pairs: np.ndarray, choose: Choose, artifacts: tuple[Artifact, ...] = ()
    ) -> None:
        self.pairs = pairs
        self.artifacts = artifacts
        self._choose = choose
        self._order = lru_cache(maxsize=4)(self._epoch)

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        """Examples ``start`` … ``stop - 1`` of the run with this seed."""
        epochs, places = np.divmod(np.arange(start, stop), len(self.pairs))
        rows = np.empty(len(epochs), dtype=np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            rows[here] = self._order(seed, int(epoch))[places[here]]
        negatives = self._choose(np.random.default_rng([seed, NEGATIVES, start]), rows)
        return Triples(self.pairs[rows, 0], self.pairs[rows, 1], negatives)

    def _epoch(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, ORDER, epoch]).permutation(len(self.pairs))


ORDER, NEGATIVES = 1, 2  # separate random streams of one seed


@dataclass(frozen=True)
class Sampler(Entry):
    """How batches of triples are drawn.

    Attributes:
        negatives: K, the negatives of each triple.
    """

    negatives: Annotated[int, Ge(1)] = 1

    def prepare(self, collection: Collection, artifacts: Artifacts) -> Draws:
        """Make (or find) what drawing needs."""
        raise NotImplementedError
