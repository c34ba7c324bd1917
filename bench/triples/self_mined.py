"""Negatives that the student being trained mines for itself, anew every so many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.evaluation.ranking import Ranking
from bench.triples.epochs import Epochs
from bench.triples.ranked import RankedNegatives, best_negatives, depth_for
from bench.triples.uniform import UniformNegatives

if TYPE_CHECKING:
    from bench.context import Context


class SelfMinedStream(Epochs):
    """Draws from the newest of the student's own rankings.

    A pure function of seed, position and that ranking, which a checkpoint therefore keeps.

    Args:
        count: K.
        first, last: ranks that negatives are drawn from.
        margin: as of `bench.triples.ranked.window`.
        every: steps between two rankings.

    Attributes:
        ranked: [train queries, last], as `bench.triples.ranked.window` gives it; `None` before the
            first ranking.
        depth: of the rankings.
    """

    def __init__(
        self, context: Context, count: int, first: int, last: int, margin: float | None, every: int
    ) -> None:
        train = context.collection.part("train")
        self.every = every
        self.ranked: np.ndarray | None = None
        self._last, self._margin = last, margin
        self._negatives = RankedNegatives(first, count, UniformNegatives(context.collection))
        super().__init__(train.queries, train.relevant(), self._draw)
        self.depth = depth_for(self.pairs, last)

    def _draw(self, random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
        assert self.ranked is not None
        queries = self.pairs[rows, 0]
        return self._negatives.draw(random, self.ranked[queries], queries)

    def set_ranking(self, ranking: Ranking) -> None:
        """Draw from this ranking of the train queries from now on."""
        self.ranked = best_negatives(self.pairs, ranking, self._last, self._margin)
