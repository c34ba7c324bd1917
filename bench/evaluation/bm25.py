"""BM25 (bm25s, Lucene's formula, k1 = 1.5, b = 0.75, English stop words, no stemming)."""

from __future__ import annotations

import os
import unicodedata
from functools import partial

import numpy as np

# bm25s imports JAX if it is installed, and JAX would reserve most of a GPU's memory.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import bm25s

from bench.collections.base import BM25Tokens, Collection, Texts
from bench.evaluation.ranking import Ranking, without


class BM25:
    """An index over a collection's documents, or over those at ``positions``."""

    def __init__(self, collection: Collection, positions: np.ndarray | None = None) -> None:
        everything = np.arange(len(collection.documents))
        self._collection = collection
        self._positions = everything if positions is None else positions
        self._tie_order = collection.documents.tie_order[self._positions]
        self._tokens = partial(_tokens, kind=collection.bm25_tokens)
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75, backend="numpy")
        texts = self._tokens(collection.documents.take(self._positions))
        self._empty = not any(texts)  # which bm25s cannot index
        if not self._empty:
            self._index.index(texts, show_progress=False)

    def rank(self, queries: Texts, depth: int) -> Ranking:
        """The best documents of each query; those that share no word with it are left out (-1).

        Args:
            depth: most documents per query.
        """
        depth = min(depth, len(self._positions))
        if self._empty:
            shape = (len(queries), depth)
            return Ranking(np.full(shape, -1), np.zeros(shape, dtype=np.float32))
        left_out = self._collection.ignored(queries)
        documents, scores = self._index.retrieve(
            self._tokens(queries.texts.to_pylist()),
            k=min(depth + (left_out is not None), len(self._positions)),
            show_progress=False,
            n_threads=1,
            backend_selection="numpy",
        )
        order = np.lexsort((self._tie_order[documents], -scores), axis=1)
        documents = np.take_along_axis(documents, order, axis=1)
        scores = np.take_along_axis(scores, order, axis=1).astype(np.float32)
        ranking = Ranking(np.where(scores > 0, self._positions[documents], -1), scores)
        return without(ranking, left_out, depth)


def _tokens(texts: list[str], kind: BM25Tokens) -> list[list[str]]:
    if kind == "words":
        return bm25s.tokenize(texts, stopwords="en", return_ids=False, show_progress=False)
    return [_grams(text, int(kind.removeprefix("char-"))) for text in texts]


def _grams(text: str, n: int) -> list[str]:
    """Every n consecutive characters of each stretch between spaces and punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SEPARATORS)
    return [
        run[start : start + n] for run in plain.split() for start in range(max(len(run) - n, 0) + 1)
    ]


class _Separators(dict[int, str]):
    """A table for `str.translate`: keeps letters, marks and numbers; the rest becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in "LMN" else " "
        return self[code]


_SEPARATORS = _Separators()
