"""Negatives that the student being trained mines for itself, anew every so many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.artifacts import Artifact
from bench.evaluation.ranking import Ranking
from bench.lab import Lab
from bench.samplers._windows import negatives
from bench.samplers.base import Epochs, Triples
from bench.samplers.uniform import Outside

if TYPE_CHECKING:
    from bench.samplers.mined import Mined


class Refreshed:
    """Draws from the newest of the student's own rankings.

    A pure function of seed, position and that ranking, which a checkpoint therefore keeps.

    Attributes:
        every: steps between two rankings.
        ranked: [train queries, last], as `bench.samplers._windows.window` gives it; `None` before
            the first.
    """

    artifacts: tuple[Artifact, ...] = ()
    universe = None

    def __init__(self, sampler: Mined, lab: Lab) -> None:
        train = lab.collection.part("train")
        self.queries = train.queries
        self.every = sampler.refresh
        self.ranked: np.ndarray | None = None
        self._sampler = sampler
        self._relevant = train.relevant()
        self.depth = sampler.last + int(np.bincount(self._relevant[:, 0]).max())
        outside = Outside(lab.collection)

        def choose(random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
            queries = self._relevant[rows, 0]
            assert self.ranked is not None
            return sampler.choose(random, self.ranked[queries], queries, outside)

        self._epochs = Epochs(train.queries, self._relevant, choose)

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        return self._epochs.batch(seed, start, stop)

    def take(self, ranking: Ranking) -> None:
        """Draw from this ranking of the train queries from now on."""
        last, margin = self._sampler.last, self._sampler.margin
        self.ranked = negatives(self._relevant, ranking, last, margin)
