"""BM25 (bm25s, Lucene's formula, k1 = 1.5, b = 0.75, English stop words, no stemming)."""

from __future__ import annotations

import bm25s
import numpy as np

from bench.collections.base import Collection, Texts
from bench.evaluation.ranking import Ranking


class BM25:
    """An index over some of a collection's documents."""

    def __init__(self, collection: Collection, positions: np.ndarray | None = None) -> None:
        everything = np.arange(len(collection.documents))
        self._positions = everything if positions is None else positions
        self._tie_order = collection.documents.tie_order[self._positions]
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75, backend="numpy")
        texts = collection.documents.take(self._positions)
        self._index.index(_tokens(texts), show_progress=False)

    def rank(self, queries: Texts, depth: int) -> Ranking:
        """The best documents of each query; those that share no word with it are left out (-1)."""
        depth = min(depth, len(self._positions))
        found, scores = self._index.retrieve(
            _tokens(queries.texts.to_pylist()), k=depth, show_progress=False, n_threads=1
        )
        order = np.lexsort((self._tie_order[found], -scores), axis=1)
        found = np.take_along_axis(found, order, axis=1)
        scores = np.take_along_axis(scores, order, axis=1).astype(np.float32)
        return Ranking(np.where(scores > 0, self._positions[found], -1), scores)


def _tokens(texts: list[str]) -> list[list[str]]:
    return bm25s.tokenize(texts, stopwords="en", return_ids=False, show_progress=False)
