"""A sampler that draws in the collection's own order."""

from dataclasses import dataclass

import numpy as np

from bench import samplers
from bench.samplers import Sampler
from bench.samplers.base import Draws, Triples


@samplers.register("toy-in-order")
@dataclass(frozen=True)
class ToyInOrder(Sampler):
    """Each judged pair with the documents behind it."""

    def prepare(self, lab) -> Draws:
        return InOrder(lab.collection, self.negatives)


class InOrder:
    """A stream of the release before: it says nothing of all pairs."""

    artifacts = ()

    def __init__(self, collection, count: int) -> None:
        train = collection.part("train")
        self.queries, self._pairs = train.queries, train.relevant()
        self._pool, self._count = collection.trainable, count

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        rows = self._pairs[np.arange(start, stop) % len(self._pairs)]
        places = np.searchsorted(self._pool, rows[:, 1:]) + 2 + np.arange(self._count)
        return Triples(rows[:, 0], rows[:, 1], self._pool[places % len(self._pool)])
