"""What every sampler gives: batches of triples as a pure function of seed and position.

A batch depends on nothing that happened before it, so the position alone is what a checkpoint has
to keep, and the same seed draws the same triples however often a run was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

import numpy as np
from annotated_types import Ge

from bench.registry import Entry

if TYPE_CHECKING:
    from bench.artifacts import Artifact
    from bench.collections.base import Texts
    from bench.lab import Lab
    from bench.teachers.base import Teacher


@dataclass(frozen=True)
class Triples:
    """A batch of B triples as positions: queries [B], documents [B] and [B, K]."""

    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def documents(self) -> np.ndarray:
        """Positive and negatives of each triple: [B, 1+K]."""
        return np.concatenate([self.positives[:, None], self.negatives], axis=1)


class Draws(Protocol):
    """A prepared sampler.

    Attributes:
        queries: the texts that the positions of triples' queries mean.
        artifacts: what drawing needs, with its bills.
        universe: every pair that can be drawn, where somebody had to score them all anyway: a
            teacher then scores those, once for all runs, and not what one run draws.
    """

    @property
    def queries(self) -> Texts: ...

    @property
    def artifacts(self) -> tuple[Artifact, ...]: ...

    @property
    def universe(self) -> Demand | None: ...

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        """Examples ``start`` … ``stop - 1`` of the run with this seed."""


Choose = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""(random stream, rows of the pairs [B]) → negatives [B, K]."""


class Epochs:
    """Every (query, positive) pair once an epoch, in an order of its own, with fresh negatives.

    Args:
        queries: what the positions of queries mean.
        pairs: int64 [n, 2]: positions of query and relevant document.
        choose: picks the negatives of some of the pairs.
    """

    universe: Demand | None = None

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
            here = epochs == epoch
            rows[here] = self._order(seed, int(epoch))[places[here]]
        negatives = self._choose(np.random.default_rng([seed, NEGATIVES, start]), rows)
        return Triples(self.pairs[rows, 0], self.pairs[rows, 1], negatives)

    def _epoch(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, ORDER, epoch]).permutation(len(self.pairs))


ORDER, NEGATIVES = 1, 2  # separate random streams of one seed


@dataclass(frozen=True)
class Demand:
    """What a run will draw, so that a teacher can prepare for it.

    Attributes:
        examples: how many triples; `None` where that is not known ahead (a budget of seconds).
        at_once: all of it is looked at before the first step, and so due then.
    """

    draws: Draws
    seed: int
    batch_size: int
    examples: int | None
    at_once: bool = False

    def batches(self) -> Iterator[Triples]:
        """Exactly the batches that the run will draw.

        Raises:
            ValueError: how many is not known.
        """
        if self.examples is None:
            raise ValueError("a budget of seconds does not say what is drawn")
        for start in range(0, self.examples, self.batch_size):
            stop = min(start + self.batch_size, self.examples)
            yield self.draws.batch(self.seed, start, stop)


@dataclass(frozen=True)
class Sampler(Entry):
    """How batches of triples are drawn.

    Attributes:
        negatives: K, the negatives of each triple.
    """

    negatives: Annotated[int, Ge(1)] = 1

    labelled: ClassVar[bool] = True
    """Whether a positive is one because it was judged so."""

    def teachers(self) -> list[Teacher]:
        """What it draws by, so that one that cannot be is found before anything is written.

        Raises:
            InputError: a teacher that is none, or cannot do what is asked of it.
        """
        return []

    def models(self) -> list[str]:
        """Every model that it needs, those of its teachers included."""
        return [model for teacher in self.teachers() for model in teacher.models()]

    def prepare(self, lab: Lab) -> Draws:
        """Make (or find) what drawing needs."""
        raise NotImplementedError
