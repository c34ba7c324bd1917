"""Queries that every measure must value alike, so that one of them stands for all."""

from __future__ import annotations

import numpy as np

from bench.evaluation.ranking import Ranking

ROWS = 4096
"""Most judgements that are looked up at once."""


def alike(
    ranking: Ranking, judgements: np.ndarray, queries: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Group queries whose judged documents have the same grades at the same ranks.

    A measure sees how many documents were found, where the judged ones are, and the grades of those
    that were not found; the documents' names tell it nothing.

    Args:
        judgements: int64 [n, 3]: query, document, grade, as `Part.judgements`.
        queries: [Q] positions of the queries to group.

    Returns:
        The first query of each group, and [Q] the group of each query.
    """
    rows = judgements[np.isin(judgements[:, 0], queries)]
    ranks = np.concatenate([_ranks(ranking, part) for part in np.split(rows, _starts(rows))])
    rows = rows[order := np.lexsort((rows[:, 2], ranks, rows[:, 0]))]
    seen = np.stack([ranks[order], rows[:, 2]], 1)
    first = np.searchsorted(rows[:, 0], queries)
    last = np.searchsorted(rows[:, 0], queries, side="right")
    found = (ranking.documents >= 0).sum(1)
    groups: dict[tuple[int, bytes], int] = {}
    group = [
        groups.setdefault((found[query], seen[start:stop].tobytes()), len(groups))
        for query, start, stop in zip(queries.tolist(), first, last, strict=True)
    ]
    _, at = np.unique(group, return_index=True)
    return queries[at], np.array(group, dtype=np.int64)


def _starts(rows: np.ndarray) -> range:
    return range(ROWS, len(rows), ROWS)


def _ranks(ranking: Ranking, rows: np.ndarray) -> np.ndarray:
    """The column of each judged document in its query's ranking; one past the last if absent."""
    same = ranking.documents[rows[:, 0]] == rows[:, 1:2]
    return np.where(same.any(1), same.argmax(1), same.shape[1])
