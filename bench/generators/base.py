"""What every generator gives: new queries, each with the document it came from, without labels."""

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
    """New queries.

    Attributes:
        sources: int64 [n]: the position of the document each came from.
        artifact: where they are stored, with the bill of writing them.
    """

    queries: Texts
    sources: np.ndarray
    artifact: Artifact


@dataclass(frozen=True)
class Written:
    """What a generator wrote, before duplicates and queries that there are already are removed.

    Attributes:
        sources: the position of each text's document.
        read: texts it was written from, each as often as it was read.
        tokens: read and written, where a model did it; so with flops.
    """

    texts: Sequence[str]
    sources: Sequence[int]
    read: int
    tokens: int = 0
    flops: float = 0.0
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Generator(Entry):
    """How new queries are written.

    Attributes:
        most: of the texts that queries are written from, so many are drawn; 0 is all of them.
        seed: of all that is random; a text's queries depend on it and on the text's position.
    """

    most: Annotated[int, Ge(0), AtMost(16, zero=16)] = 0
    seed: Annotated[int, Ge(0)] = 0

    def write(self, context: Context, folder: Path) -> Written:
        """Write the queries; what `bench.storage.artifacts.shard` keeps in ``folder`` survives."""
        raise NotImplementedError

    def models(self) -> list[str]:
        """Every model it is made of, so that a missing one is found before anything is written."""
        return []

    def weights(self) -> str:
        """A digest of the model's weights, part of what the queries are made from."""
        return ""

    def chosen(self, positions: np.ndarray) -> np.ndarray:
        """Those of the positions that queries are written from, sorted."""
        if not 0 < self.most < len(positions):
            return positions
        random = np.random.default_rng(self.seed)
        return np.sort(random.choice(positions, self.most, replace=False))

    def generate(self, context: Context) -> GeneratedQueries:
        """Write the queries, or find them.

        No text is there twice, and none is a query of the collection: not of train, where it would
        not be new, and not of dev or test (case and white space aside).

        Raises:
            InputError: there is nothing to write from, or nothing is left.
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
        return generators.kept(context.artifacts.get("generated-queries", specification, make))
