"""Hard negatives from a ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench import samplers
from bench.samplers.base import Draws, Epochs, Sampler
from bench.samplers.uniform import Outside

if TYPE_CHECKING:
    from bench.lab import Lab
    from bench.teachers.base import Teacher

STUDENT = "student"


@samplers.register("mined", version=2)
@dataclass(frozen=True)
class Mined(Sampler):
    """Negatives drawn from a ranking of the train documents, ranks ``first`` to ``last``.

    ``by``: ``bm25``; a bi-encoder teacher, written as anywhere else; or ``student``, the one being
    trained, which ranks anew at the first step and every ``refresh`` steps (ANCE, arXiv 2007.00808)
    at a cost of its own. Ranks count documents that are not judged relevant for the query. With a
    ``margin`` those that score above the query's best-ranked positive less the margin are left out
    too, in the units of what ranks (cf. arXiv 2407.15831). Where fewer than K are left, the rest is
    drawn uniformly. Mining is an artifact with a bill.
    """

    by: str = "bm25"
    first: Annotated[int, Ge(1)] = 1
    last: Annotated[int, Ge(1)] = 50
    margin: float | None = None
    refresh: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is after last ({self.last})")
        if (self.by == STUDENT) != (self.refresh > 0):
            raise ValueError("refresh (in steps) goes with by = 'student', and only with it")

    def teachers(self) -> list[Teacher]:
        from bench.samplers._windows import BM25_NAME, search_teacher

        return [] if self.by in (BM25_NAME, STUDENT) else [search_teacher(self.by)]

    def prepare(self, lab: Lab) -> Draws:
        from bench.samplers._refreshed import Refreshed
        from bench.samplers._windows import window

        if self.by == STUDENT:
            return Refreshed(self, lab)
        ranked, artifact = window(lab, self.by, self.last, self.margin)
        train = lab.collection.part("train")
        pairs = train.relevant()
        outside = Outside(lab.collection)

        def choose(random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
            queries = pairs[rows, 0]
            return self.choose(random, np.asarray(ranked[queries]), queries, outside)

        return Epochs(train.queries, pairs, choose, (artifact,))

    def choose(
        self, random: np.random.Generator, ranked: np.ndarray, queries: np.ndarray, outside: Outside
    ) -> np.ndarray:
        """K of each query's window, uniformly, without repeats: [B, last] → [B, K]."""
        candidates = ranked[:, self.first - 1 :]
        # A random key for each candidate; the missing ones (-1) go last.
        keys = np.where(candidates < 0, 2.0, random.random(candidates.shape))
        order = np.argsort(keys, axis=1, kind="stable")[:, : self.negatives]
        found = np.take_along_axis(candidates, order, axis=1)
        chosen = outside.draw(random, queries, self.negatives)
        chosen[:, : found.shape[1]] = np.where(found < 0, chosen[:, : found.shape[1]], found)
        return chosen
