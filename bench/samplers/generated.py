"""Mixes generated queries into the train queries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Gt, Le

from bench import generators, samplers
from bench.errors import InputError
from bench.registry import EntryText
from bench.samplers._mixed import MixedStream, concatenate, draw_others
from bench.samplers.base import Sampler
from bench.triples.epochs import Epochs
from bench.triples.stream import TripleStream
from bench.triples.uniform import UniformNegatives

if TYPE_CHECKING:
    from bench.context import Context
    from bench.generators import Generator


@samplers.register("generated", version=1)
@dataclass(frozen=True)
class Generated(Sampler):
    """Train queries and a ``share`` of generated ones; negatives uniform over the train documents.

    ``by`` is the generator, such as ``generated(by="span(words=8)")``. The positive of a generated
    query is the document it was written from, that of a train query a judged one. Neither counts
    as a label, so losses that need labels are refused. Of the first n examples ⌊share · n⌋ are
    generated, for every n, so that every batch has its share. Each kind has epochs of its own. A
    collection's own triples are not used.

    Source: arXiv 2301.12005 (EmbedDistill), which distils on generated queries too.
    """

    by: Annotated[str, EntryText(generators.registry)] = "span"
    share: Annotated[float, Gt(0), Le(1)] = 0.5

    labelled = False

    def __post_init__(self) -> None:
        _ = self.generator  # so that a wrong generator is refused now

    @cached_property
    def generator(self) -> Generator:
        return generators.create(self.by)

    def models(self) -> list[str]:
        return self.generator.models()

    def identifying_options(self) -> dict[str, Any]:
        by = {**self.generator.specification, "weights": self.generator.weights()}
        return {**super().identifying_options(), "by": by}

    def prepare(self, context: Context) -> TripleStream:
        train, pool = context.collection.part("train"), context.collection.trainable
        if len(pool) < 2:
            raise InputError(
                f"{self}: {context.collection.name} has too few documents for negatives"
            )
        generated = self.generator.generate(context)
        judged, outside = train.relevant(), UniformNegatives(context.collection)
        sources = generated.sources
        queries = concatenate(train.queries, generated.queries)
        positions = len(train.queries) + np.arange(len(generated.queries))
        return MixedStream(
            Epochs(
                queries,
                judged,
                lambda random, rows: outside.draw(random, judged[rows, 0], self.negatives),
            ),
            Epochs(
                queries,
                np.stack([positions, sources], axis=1),
                lambda random, rows: draw_others(random, pool, sources[rows], self.negatives),
                (generated.artifact,),
            ),
            self.share,
        )
