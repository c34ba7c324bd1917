"""Pairs in random order, with uniformly drawn negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import samplers
from bench.errors import InputError
from bench.samplers.base import Sampler
from bench.triples.epochs import Epochs
from bench.triples.stream import TripleStream
from bench.triples.uniform import UniformNegatives

if TYPE_CHECKING:
    from bench.context import Context


@samplers.register("uniform", version=1)
@dataclass(frozen=True)
class Uniform(Sampler):
    """Pairs in random order; negatives drawn uniformly from the train documents.

    Documents judged relevant for the query are never its negatives. If the collection comes with
    its own triples, those are used instead (then K is 1).
    """

    def prepare(self, context: Context) -> TripleStream:
        collection = context.collection
        queries = collection.part("train").queries
        if collection.triples is not None:
            if self.negatives != 1:
                raise InputError(
                    f"{self}: {collection.name} comes with triples of one negative each"
                )
            triples = collection.triples
            return Epochs(queries, triples[:, :2], lambda _, rows: triples[rows, 2:])
        pairs = collection.part("train").relevant()
        outside = UniformNegatives(collection)
        return Epochs(
            queries,
            pairs,
            lambda random, rows: outside.draw(random, pairs[rows, 0], self.negatives),
        )
