"""Lists of negatives from the hardest to the easiest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench import samplers, triples
from bench.samplers.base import Sampler
from bench.triples.epochs import Epochs
from bench.triples.stream import TripleStream
from bench.triples.uniform import UniformNegatives

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers.base import Teacher


@samplers.register("listwise", version=1)
@dataclass(frozen=True)
class Listwise(Sampler):
    """K negatives per query, one from each of K equal slices of the first ``last`` ranks.

    So every list has the whole range of difficulty, hardest first, which suits list and rank
    losses. ``by`` and ranks mean the same as in ``mined``. For an empty slice, a document is drawn
    uniformly.
    """

    negatives: Annotated[int, Ge(1)] = 7
    by: str = "bm25"
    last: Annotated[int, Ge(1)] = 70

    def __post_init__(self) -> None:
        if self.last < self.negatives:
            raise ValueError(f"last ({self.last}) is less than negatives ({self.negatives})")

    def teachers(self) -> list[Teacher]:
        return [] if self.by == triples.BM25_NAME else [samplers.search_teacher(self.by)]

    def prepare(self, context: Context) -> TripleStream:
        ranked, artifact = triples.window(context, samplers.ranker(context, self.by), self.last)
        train = context.collection.part("train")
        pairs = train.relevant()
        outside = UniformNegatives(context.collection)
        edges = np.linspace(0, self.last, self.negatives + 1).astype(np.int64)

        def choose(random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
            queries = pairs[rows, 0]
            places = random.integers(edges[:-1], edges[1:], size=(len(rows), self.negatives))
            drawn = np.take_along_axis(np.asarray(ranked[queries]), places, axis=1)
            return np.where(drawn < 0, outside.draw(random, queries, self.negatives), drawn)

        return Epochs(train.queries, pairs, choose, (artifact,))
