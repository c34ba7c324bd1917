"""The base class of generators, which write new queries from documents or train queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench import generators
from bench.miniature import AtMost
from bench.registry import Entry

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.context import Context
    from bench.storage.artifacts import Artifact, BuildReport


@dataclass(frozen=True)
class GeneratedQueries:
    """New queries, each with the document it came from; this is no judgement of relevance.

    Attributes:
        sources: int64 [n]: the position of each query's document.
        artifact: the artifact that stores them, with the bill of writing them.
    """

    queries: Texts
    sources: np.ndarray
    artifact: Artifact


@dataclass(frozen=True)
class Written:
    """What a generator wrote, before duplicates and existing queries are removed.

    Attributes:
        texts: the queries.
        sources: the position of each query's document.
        read: how many texts were read, each counted as often as it was read.
        tokens: tokens read and written by a model; 0 without one.
        flops: floating-point operations of the model.
        device: as bills name it.
    """

    texts: Sequence[str]
    sources: Sequence[int]
    read: int
    tokens: int = 0
    flops: float = 0.0
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Generator(Entry):
    """A way of writing new queries.

    Attributes:
        most: write from this many of the texts, drawn at random; 0 means all.
        seed: of everything random; a text's queries depend on it and on the text's position.
    """

    most: Annotated[int, Ge(0), AtMost(16, zero=16)] = 0
    seed: Annotated[int, Ge(0)] = 0

    def write(self, context: Context, folder: Path) -> Written:
        """Write the queries.

        Args:
            folder: for parts that `bench.storage.artifacts.shard` saves; they survive a kill.
        """
        raise NotImplementedError

    def models(self) -> list[str]:
        """The names of all models it uses, so that missing ones are found early."""
        return []

    def weights(self) -> str:
        """A digest of the model's weights, which is part of the queries' identity; "" without."""
        return ""

    def chosen(self, positions: np.ndarray) -> np.ndarray:
        """The positions to write queries from (at most ``most``), sorted."""
        if not 0 < self.most < len(positions):
            return positions
        random = np.random.default_rng(self.seed)
        return np.sort(random.choice(positions, self.most, replace=False))

    def generate(self, context: Context) -> GeneratedQueries:
        """Write the queries, or open the artifact that stores them.

        The queries are distinct, and none is a query of the collection's train, dev or test parts
        (ignoring case and white space).

        Raises:
            InputError: there is nothing to write from, or no new query is left.
        """

        def make(folder: Path) -> BuildReport:
            return generators.keep(
                folder, self.write(context, folder), context.collection, str(self)
            )

        specification = {
            "generator": self.specification,
            "weights": self.weights(),
            "precision": context.device.precision if self.weights() else "",
            "collection": context.collection.fingerprint,
        }
        artifact = context.artifacts.get("generated-queries", specification, make)
        return generators.open_queries(artifact)
