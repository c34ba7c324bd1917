"""Signals of a dual-pooled cross-encoder: two vectors per (query, document) pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.losses.signals import Signal, Signals
from bench.storage.artifacts import Artifact
from bench.teachers._loaded_teacher import LoadedTeacher
from bench.teachers._pair_reading import read_pairs
from bench.teachers._pairs import Pairs
from bench.teachers._scorers import DualPooledScorer
from bench.teachers.base import SignalSource
from bench.triples.stream import DrawPlan, Triples


def dual_vector_signals(
    loaded: LoadedTeacher, needs: frozenset[Signal], plan: DrawPlan
) -> SignalSource:
    """A source of the pairs' vectors, and of their cosines as scores.

    Vectors are stored before training if the plan says which pairs will be drawn.
    """
    context = loaded.tokenized.context
    if plan.examples is None:
        return DualVectors(needs, loaded, None)

    def read(queries: list, documents: list) -> Tensor:
        return _scorer(loaded).each(queries, documents, context.device)

    codes, vectors, artifact = read_pairs("teacher-vectors", loaded, plan, read, np.float16)
    stored = Pairs(len(context.collection.documents), codes, vectors, (artifact,))
    return DualVectors(needs, loaded, stored)


@dataclass(frozen=True)
class DualVectors:
    """Signals from the vectors [B, 1+K, 2, d] of each triple's pairs.

    Attributes:
        stored: the vectors of each pair; `None` computes them when a batch is drawn.
    """

    needs: frozenset[Signal]
    loaded: LoadedTeacher
    stored: Pairs | None

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        if self.stored is not None:
            return self.stored.artifacts
        return (*self.loaded.tokenized.artifacts, *self.loaded.artifacts)

    @property
    def width(self) -> int:
        if self.stored is not None:
            return self.stored.values.shape[-1]
        return _scorer(self.loaded).transformer.config.hidden_size

    def signals(self, triples: Triples) -> Signals:
        vectors = self._vectors(triples)
        queries, documents = vectors[:, :, 0], vectors[:, :, 1]
        return Signals(
            scores=(queries * documents).sum(-1) if Signal.SCORES in self.needs else None,
            queries=queries if Signal.QUERIES in self.needs else None,
            documents=documents if Signal.DOCUMENTS in self.needs else None,
        )

    @torch.no_grad()
    def _vectors(self, triples: Triples) -> Tensor:
        if self.stored is not None:
            vectors = self.stored.at(triples.queries, triples.documents)
            return torch.from_numpy(vectors.astype(np.float32))
        tokenized = self.loaded.tokenized
        queries = tokenized.queries.rows(triples.queries)
        documents = tokenized.documents.rows(triples.documents.ravel())
        return _scorer(self.loaded).vectors(queries, documents, tokenized.context.device).cpu()


def _scorer(loaded: LoadedTeacher) -> DualPooledScorer:
    assert isinstance(loaded.scorer, DualPooledScorer)
    return loaded.scorer
