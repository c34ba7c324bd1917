"""Hard negatives from a lexical ranking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench import samplers
from bench.samplers.base import Draws, Epochs, Sampler
from bench.samplers.uniform import Outside

if TYPE_CHECKING:
    from bench.collections.base import Collection
    from bench.lab import Lab


@samplers.register("mined", version=1)
@dataclass(frozen=True)
class Mined(Sampler):
    """Negatives drawn from the BM25 ranking of each train query, ranks ``first`` to ``last``.

    Ranks count train documents that are not judged relevant for the query. Where the ranking is
    shorter than K, the rest is drawn uniformly. Mining is an artifact with a bill.
    """

    first: Annotated[int, Ge(1)] = 1
    last: Annotated[int, Ge(1)] = 50

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is after last ({self.last})")

    def prepare(self, lab: Lab) -> Draws:
        from bench.artifacts import Made

        collection = lab.collection

        def make(folder: Path) -> Made:
            np.save(folder / "ranks.npy", _negatives(collection, self.last))
            return Made(texts=len(collection.documents) + len(collection.part("train").queries))

        specification = {"collection": collection.fingerprint, "by": "bm25", "last": self.last}
        artifact = lab.artifacts.get("mined-negatives", specification, make)
        ranked = np.load(artifact.folder / "ranks.npy", mmap_mode="r")
        pairs = collection.part("train").relevant()
        outside = Outside(collection)

        def choose(random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
            queries = pairs[rows, 0]
            window = np.asarray(ranked[queries, self.first - 1 : self.last])
            # A random key for each candidate; the missing ones (-1) go last.
            keys = np.where(window < 0, 2.0, random.random(window.shape))
            order = np.argsort(keys, axis=1, kind="stable")[:, : self.negatives]
            chosen = outside.draw(random, queries, self.negatives)
            found = np.take_along_axis(window, order, axis=1)
            chosen[:, : found.shape[1]] = np.where(found < 0, chosen[:, : found.shape[1]], found)
            return chosen

        return Epochs(collection.part("train").queries, pairs, choose, (artifact,))


def _negatives(collection: Collection, last: int) -> np.ndarray:
    """[train queries, last] positions of each query's best-ranked negatives; -1 where none."""
    from bench.evaluation.bm25 import BM25

    train = collection.part("train")
    pairs = train.relevant()
    most_relevant = int(np.bincount(pairs[:, 0]).max())
    ranking = BM25(collection, collection.trainable).rank(train.queries, last + most_relevant)
    relevant: list[set[int]] = [set() for _ in range(len(train.queries))]
    for query, document in pairs.tolist():
        relevant[query].add(document)
    negatives = np.full((len(train.queries), last), -1, dtype=np.int64)
    for query, row in enumerate(ranking.documents.tolist()):
        kept = [document for document in row if document >= 0 and document not in relevant[query]]
        negatives[query, : len(kept[:last])] = kept[:last]
    return negatives
