"""A teacher's stored values of (query, document) pairs, looked up while training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bench.errors import BenchError
from bench.losses.signals import Signals
from bench.storage.artifacts import Artifact
from bench.triples.pairs import encode_pairs
from bench.triples.stream import DrawPlan, Triples


@dataclass(frozen=True)
class Pairs:
    """A value for each of many pairs of positions.

    Attributes:
        documents: how many documents the collection has.
        codes: int64 [n], sorted (`bench.triples.pairs.encode_pairs`).
        values: [n, …], in the order of ``codes``.
        artifacts: those that store the values.
    """

    documents: int
    codes: np.ndarray
    values: np.ndarray
    artifacts: tuple[Artifact, ...]

    def at(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """The values of [B] queries with [B, n] documents each: [B, n, …].

        Raises:
            BenchError: a pair has no value.
        """
        wanted = encode_pairs(queries[:, None], documents, self.documents)
        places = np.searchsorted(self.codes, wanted).clip(max=max(0, len(self.codes) - 1))
        if not len(self.codes) or (self.codes[places] != wanted).any():
            raise BenchError("a pair was drawn that the teacher has not scored")
        return self.values[places]


class PairScores(Pairs):
    """A source of scores: the values are float32 [n]."""

    width = 0

    def signals(self, triples: Triples) -> Signals:
        return Signals(scores=torch.from_numpy(self.at(triples.queries, triples.documents)))


def drawn_pairs(plan: DrawPlan, total: int) -> np.ndarray:
    """The code of every pair that a run will draw, each once, sorted: int64 [n]."""
    codes = [
        np.unique(encode_pairs(triples.queries[:, None], triples.documents, total))
        for triples in plan.batches()
    ]
    return np.unique(np.concatenate(codes))
