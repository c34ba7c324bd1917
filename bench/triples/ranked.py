"""Negatives from the top of a ranking of the train documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.evaluation.bm25 import BM25
from bench.evaluation.ranking import Ranking
from bench.progress import say_once
from bench.storage.artifacts import Artifact, BuildReport
from bench.storage.files import save_array
from bench.triples.epochs import Epochs
from bench.triples.uniform import UniformNegatives

if TYPE_CHECKING:
    from bench.context import Context

BM25_NAME = "bm25"


@dataclass(frozen=True)
class Ranker:
    """A way of ranking the train documents for every train query.

    Attributes:
        name: used in notes.
        specification: what the ranking depends on, apart from the collection.
        rank: takes a depth and returns the ranking.
        needs: the artifacts that ranking reads.
    """

    name: str
    specification: Any
    rank: Callable[[int], Ranking]
    needs: tuple[Artifact, ...] = ()


def bm25(context: Context) -> Ranker:
    """BM25 over the train documents."""

    def rank(depth: int) -> Ranking:
        collection = context.collection
        queries = collection.part("train").queries
        return BM25(collection, collection.trainable).rank(queries, depth)

    return Ranker(BM25_NAME, BM25_NAME, rank)


def window(
    context: Context, ranker: Ranker, last: int, margin: float | None = None
) -> tuple[np.ndarray, Artifact]:
    """(int64 [train queries, last] positions of negatives, best first, -1 if fewer; the artifact).

    Args:
        last: negatives per query.
        margin: leave out documents that score above the query's best positive less this, because
            they may be relevant. `None` leaves nothing out.
    """

    def make(folder: Path) -> BuildReport:
        train = context.collection.part("train")
        relevant = train.relevant()
        ranking = ranker.rank(depth_for(relevant, last))
        save_array(folder / "ranks.npy", best_negatives(relevant, ranking, last, margin))
        return BuildReport(texts=len(context.collection.documents) + len(train.queries))

    specification = {
        "collection": context.collection.fingerprint,
        "by": ranker.specification,
        "last": last,
        "margin": margin,
    }
    artifact = context.artifacts.get("mined-negatives", specification, make, ranker.needs)
    ranks = np.load(artifact.folder / "ranks.npy", mmap_mode="r")
    if bare := int((ranks[:, 0] < 0).sum()):
        say_once(
            f"negatives by {ranker.name}: it finds none for {bare:,} of {len(ranks):,} train "
            "queries; theirs are drawn uniformly"
        )
    return ranks, artifact


def depth_for(relevant: np.ndarray, last: int) -> int:
    """How deep a ranking must be for ``last`` negatives of every query.

    Args:
        relevant: int64 [n, 2]: (query, document) positions.
    """
    return last + int(np.bincount(relevant[:, 0]).max())


def best_negatives(
    relevant: np.ndarray, ranking: Ranking, last: int, margin: float | None = None
) -> np.ndarray:
    """The first ``last`` documents of each query's ranking that are not judged relevant for it.

    Args:
        relevant: int64 [n, 2]: (query, document) positions.
        margin: as for `window`.

    Returns:
        int64 [queries, last], -1 where there are fewer.
    """
    judged: list[set[int]] = [set() for _ in range(len(ranking.documents))]
    for query, document in relevant.tolist():
        judged[query].add(document)
    kept = np.full((len(ranking.documents), last), -1, dtype=np.int64)
    rows = zip(ranking.documents.tolist(), ranking.scores.tolist(), strict=True)
    for query, (documents, scores) in enumerate(rows):
        ceiling = np.inf
        if margin is not None:
            best = [s for d, s in zip(documents, scores, strict=True) if d in judged[query]]
            ceiling = max(best, default=np.inf) - margin
        row = [
            document
            for document, score in zip(documents, scores, strict=True)
            if document >= 0 and document not in judged[query] and score <= ceiling
        ][:last]
        kept[query, : len(row)] = row
    return kept


@dataclass(frozen=True)
class RankedNegatives:
    """Draws negatives from the windows of queries, and uniformly if these hold too few.

    Attributes:
        first: the rank, from 1, at which a window begins.
        count: K.
    """

    first: int
    count: int
    uniform: UniformNegatives

    def draw(
        self, random: np.random.Generator, ranked: np.ndarray, queries: np.ndarray
    ) -> np.ndarray:
        """K documents of each query's window, uniformly without repeats: [B, last] → [B, K]."""
        candidates = ranked[:, self.first - 1 :]
        # Sort candidates by random keys; missing ones (-1) go last.
        keys = np.where(candidates < 0, 2.0, random.random(candidates.shape))
        order = np.argsort(keys, axis=1, kind="stable")[:, : self.count]
        mined = np.take_along_axis(candidates, order, axis=1)
        drawn = self.uniform.draw(random, queries, self.count)
        drawn[:, : mined.shape[1]] = np.where(mined < 0, drawn[:, : mined.shape[1]], mined)
        return drawn


def mined_stream(
    context: Context,
    ranker: Ranker,
    count: int,
    first: int = 1,
    last: int = 50,
    margin: float | None = None,
) -> Epochs:
    """Every judged pair once per epoch, with ``count`` negatives of ranks ``first`` to ``last``."""
    ranked, artifact = window(context, ranker, last, margin)
    train = context.collection.part("train")
    pairs = train.relevant()
    negatives = RankedNegatives(first, count, UniformNegatives(context.collection))

    def choose(random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
        queries = pairs[rows, 0]
        return negatives.draw(random, np.asarray(ranked[queries]), queries)

    return Epochs(train.queries, pairs, choose, (artifact,))
