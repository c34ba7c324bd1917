"""Draws for `topic-balanced`: clusters of queries, and bins of each query's pairs by margin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench import teachers
from bench.collections.base import Texts
from bench.context import Context
from bench.errors import InputError
from bench.lazy import Library
from bench.losses.signals import Signal
from bench.samplers._rankers import load_search_teacher
from bench.storage.artifacts import Artifact, BuildReport
from bench.storage.files import save_array
from bench.triples.ranked import bm25, window
from bench.triples.stream import DrawPlan, Triples

if TYPE_CHECKING:
    import sklearn

    from bench.samplers.topic_balanced import TopicBalanced
else:
    sklearn = Library("sklearn")

TOPICS = 3  # number of this random stream, beside those of `bench.triples.epochs`
BATCH = 256  # pairs that the teacher scores at a time


@dataclass(frozen=True)
class AllPairs:
    """A stream of all triples that the teacher must score: each judged pair with all candidates.

    Attributes:
        pairs: int64 [n, 2]: positions of query and relevant document.
        candidates: int64 [train queries, last]: negatives of each query, -1 where there are fewer.
    """

    queries: Texts
    pairs: np.ndarray
    candidates: np.ndarray
    artifacts: tuple[Artifact, ...]

    all_pairs = None

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        """Pairs ``start`` … ``stop - 1``; the positive takes the place of missing candidates."""
        rows = self.pairs[start:stop]
        candidates = np.asarray(self.candidates[rows[:, 0]])
        negatives = np.where(candidates < 0, rows[:, 1:], candidates)
        return Triples(rows[:, 0], rows[:, 1], negatives)


@dataclass(frozen=True)
class BalancedStream:
    """A stream of triples balanced over topics and margins.

    Attributes:
        topics: the positions of each cluster's queries.
        owned: for each query, the rows of its pairs in ``everything.pairs``.
        bins: int64 [n, last]: the bin of each pair with each candidate; -1 if there is none.
        all_pairs: the plan of all triples that the teacher must score.
    """

    sampler: TopicBalanced
    everything: AllPairs
    topics: list[np.ndarray]
    owned: list[np.ndarray]
    bins: np.ndarray
    artifacts: tuple[Artifact, ...]
    all_pairs: DrawPlan

    @classmethod
    def of(cls, sampler: TopicBalanced, context: Context) -> BalancedStream:
        candidates, mined = window(context, bm25(context), sampler.last)
        train = context.collection.part("train")
        pairs = train.relevant()
        pairs = pairs[(np.asarray(candidates[pairs[:, 0]]) >= 0).any(1)]
        if not len(pairs):
            raise InputError(
                f"{sampler}: BM25 finds no negative for any train query of "
                f"{context.collection.name}, and there is nothing to put into bins"
            )
        everything = AllPairs(train.queries, pairs, candidates, (mined,))
        all_pairs = DrawPlan(everything, 0, BATCH, len(pairs), at_once=True)
        labels, clustered = cluster(context, sampler)
        margins, scored = margins_of(context, sampler.margins_by, all_pairs)
        order = np.argsort(pairs[:, 0], kind="stable")
        edges = np.searchsorted(pairs[order, 0], np.arange(1, len(train.queries)))
        owned = np.split(order, edges)
        filled = np.asarray(candidates[pairs[:, 0]]) >= 0
        usable = np.array([len(rows) > 0 for rows in owned])
        topics = [np.flatnonzero((labels == topic) & usable) for topic in range(labels.max() + 1)]
        return cls(
            sampler,
            everything,
            [members for members in topics if len(members)],
            owned,
            assign_bins(margins, filled, owned, sampler.bins),
            (mined, clustered, *scored),
            all_pairs,
        )

    @property
    def queries(self) -> Texts:
        return self.everything.queries

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        random = np.random.default_rng([seed, TOPICS, start])
        queries: list[int] = []
        for topic in random.permutation(len(self.topics)):
            room = stop - start - len(queries)
            queries += random.permutation(self.topics[topic])[:room].tolist()
            if len(queries) == stop - start:
                break
        while len(queries) < stop - start:  # the batch is larger than the number of queries
            queries.append(int(random.choice(queries)))
        drawn = [self._draw(random, query) for query in queries]
        positives, negatives = zip(*drawn, strict=True)
        return Triples(np.array(queries), np.array(positives), np.array(negatives))

    def _draw(self, random: np.random.Generator, query: int) -> tuple[int, list[int]]:
        """(a positive, K negatives) of the query; each bin of its pairs is equally likely."""
        rows = self.owned[query]
        row, first = self._pair(random, rows)
        columns = [first]
        for _ in range(1, self.sampler.negatives):
            columns.append(self._pair(random, np.array([row]))[1])
        positive = int(self.everything.pairs[row, 1])
        return positive, [int(self.everything.candidates[query, column]) for column in columns]

    def _pair(self, random: np.random.Generator, rows: np.ndarray) -> tuple[int, int]:
        """(row, column) of a random pair: first a bin that is not empty, then a pair of it."""
        bins = self.bins[rows]
        chosen = random.choice(np.unique(bins[bins >= 0]))
        at, column = np.nonzero(bins == chosen)
        index = random.integers(len(at))
        return int(rows[at[index]]), int(column[index])


def cluster(context: Context, sampler: TopicBalanced) -> tuple[np.ndarray, Artifact]:
    """(int64 [train queries]: the cluster of each query; the artifact)."""
    loaded = load_search_teacher(context, sampler.topics_by)
    texts = loaded.tokenized.texts
    stored = teachers.store_queries(loaded)
    count = min(sampler.clusters, len(texts))

    def make(folder: Path) -> BuildReport:
        means = sklearn.cluster.KMeans(count, random_state=0, n_init=1).fit(
            np.asarray(stored.vectors)
        )
        save_array(folder / "labels.npy", means.labels_.astype(np.int64))
        return BuildReport(texts=len(texts))

    specification = {
        **loaded.specification,
        "queries": texts.fingerprint,
        "clusters": count,
    }
    artifact = context.artifacts.get("query-clusters", specification, make, (stored.artifact,))
    return np.load(artifact.folder / "labels.npy"), artifact


def margins_of(
    context: Context, by: str, all_pairs: DrawPlan
) -> tuple[np.ndarray, tuple[Artifact, ...]]:
    """(the teacher's margins [pairs, last]; the artifacts that it prepared)."""
    signal_source = teachers.create(by).prepare(frozenset({Signal.SCORES}), all_pairs, context)
    margins = []
    for triples in all_pairs.batches():
        scores = signal_source.signals(triples).scores
        assert scores is not None
        margins.append((scores[:, :1] - scores[:, 1:]).cpu().numpy())
    return np.concatenate(margins), signal_source.artifacts


def assign_bins(
    margins: np.ndarray, filled: np.ndarray, owned: list[np.ndarray], bins: int
) -> np.ndarray:
    """Assign each margin to one of ``bins`` bins of equal width over its query's range.

    Args:
        margins: [pairs, last].
        filled: [pairs, last]: whether there is such a candidate.
        owned: the rows of each query.

    Returns:
        int64 [pairs, last]; -1 where there is no candidate.
    """
    assigned = np.full(margins.shape, -1, dtype=np.int64)
    for rows in owned:
        if not len(rows):
            continue
        kept = filled[rows]
        values = margins[rows]
        low, high = values[kept].min(), values[kept].max()
        width = (high - low) / bins
        indices = np.zeros(values.shape, dtype=np.int64)
        if width > 0:
            indices = np.minimum(((values - low) / width).astype(np.int64), bins - 1)
        assigned[rows] = np.where(kept, indices, -1)
    return assigned
