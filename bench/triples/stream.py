"""Streams of triples: batches as a pure function of seed and position.

A batch depends on nothing that happened before it, so the position alone is what a checkpoint has
to keep, and the same seed draws the same triples however often a run was killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bench.deprecation import Renamed, warn_renamed

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.storage.artifacts import Artifact


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


class TripleStream(Protocol):
    """A prepared sampler.

    Attributes:
        queries: the texts that the positions of triples' queries mean.
        artifacts: what drawing needs, with its bills.
        all_pairs: a plan of every pair that can be drawn, where all of them are scored anyway: a
            teacher then scores those, once for all runs, and not what each run draws.
    """

    @property
    def queries(self) -> Texts: ...

    @property
    def artifacts(self) -> tuple[Artifact, ...]: ...

    @property
    def all_pairs(self) -> DrawPlan | None: ...

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        """Examples ``start`` … ``stop - 1`` of the run with this seed."""


@dataclass(frozen=True)
class DrawPlan:
    """What a run will draw, so that a teacher can prepare for it.

    Attributes:
        examples: how many triples; `None` where that is not known ahead (a budget of seconds).
        at_once: whether all of it is read before the first step, so that its cost is due then.
    """

    stream: TripleStream
    seed: int
    batch_size: int
    examples: int | None
    at_once: bool = False

    draws = Renamed("stream")

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Triples]:
        """Exactly the batches that the run will draw of examples ``start`` … ``stop - 1``.

        Args:
            stop: `None` for the end of the run.

        Raises:
            ValueError: that is not known.
        """
        stop = self.examples if stop is None else stop
        if stop is None:
            raise ValueError("a budget of seconds does not say what is drawn")
        for at in range(start, stop, self.batch_size):
            yield self.stream.batch(self.seed, at, min(at + self.batch_size, stop))


def all_pairs_of(stream: TripleStream) -> DrawPlan | None:
    """The stream's `all_pairs`; another package's may lack it, or still call it ``universe``."""
    found = getattr(stream, "all_pairs", None)
    if found is None and (found := getattr(stream, "universe", None)) is not None:
        warn_renamed(f"{type(stream).__name__}.universe", "all_pairs")
    return found
