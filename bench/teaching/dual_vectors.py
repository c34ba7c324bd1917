"""The two vectors of each drawn pair, looked up or read as it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.artifacts import Artifact
from bench.losses.signals import Signal, Signals
from bench.samplers.base import Demand, Triples
from bench.teachers.base import Teaching
from bench.teaching.drawn import read_pairs
from bench.teaching.pairs import Pairs
from bench.teaching.scorers import DualPooledScorer
from bench.teaching.tunable import Ready


def dual_vectors(ready: Ready, needs: frozenset[Signal], demand: Demand) -> Teaching:
    """A teaching of vectors, and of their cosines as scores."""
    lab = ready.reading.lab
    if demand.examples is None:
        return DualVectors(needs, ready, None)

    def read(queries: list, documents: list) -> Tensor:
        return _scorer(ready).each(queries, documents, lab.device)

    codes, vectors, artifact = read_pairs("teacher-vectors", ready, demand, read, np.float16)
    stored = Pairs(len(lab.collection.documents), codes, vectors, (artifact,))
    return DualVectors(needs, ready, stored)


@dataclass(frozen=True)
class DualVectors:
    """Signals from the vectors [B, 1+K, 2, d] of each triple's pairs.

    Attributes:
        stored: by pair; `None` reads them as they are drawn.
    """

    needs: frozenset[Signal]
    ready: Ready
    stored: Pairs | None

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        if self.stored is not None:
            return self.stored.artifacts
        return (*self.ready.reading.artifacts, *self.ready.artifacts)

    @property
    def width(self) -> int:
        if self.stored is not None:
            return self.stored.values.shape[-1]
        return _scorer(self.ready).transformer.config.hidden_size

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
            found = self.stored.at(triples.queries, triples.documents)
            return torch.from_numpy(found.astype(np.float32))
        reading = self.ready.reading
        queries = reading.queries.rows(triples.queries)
        documents = reading.documents.rows(triples.documents.ravel())
        return _scorer(self.ready).vectors(queries, documents, reading.lab.device).cpu()


def _scorer(ready: Ready) -> DualPooledScorer:
    assert isinstance(ready.scorer, DualPooledScorer)
    return ready.scorer
