"""Scores of drawn pairs: looked up, or computed as they are drawn where nobody knows which."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.artifacts import Artifact
from bench.losses.signals import Signals
from bench.samplers.base import Demand, Triples
from bench.teachers.base import Teaching
from bench.teaching.drawn import read_pairs
from bench.teaching.pairs import PairScores
from bench.teaching.tunable import Ready


def scored(ready: Ready, demand: Demand) -> Teaching:
    """A teaching of scores alone."""
    if demand.examples is None:
        return Streamed(ready)
    lab = ready.reading.lab

    def read(queries: list, documents: list) -> torch.Tensor:
        return ready.scorer.scores(queries, documents, lab.device)[:, 0]

    codes, scores, artifact = read_pairs("teacher-scores", ready, demand, read)
    return PairScores(len(lab.collection.documents), codes, scores, (artifact,))


@dataclass(frozen=True)
class Streamed:
    """Scores each batch when it is drawn; the wait is training time."""

    ready: Ready
    width = 0

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return (*self.ready.reading.artifacts, *self.ready.artifacts)

    @torch.no_grad()  # not inference_mode: what it gives meets a gradient
    def signals(self, triples: Triples) -> Signals:
        reading, scorer = self.ready.reading, self.ready.scorer
        queries = reading.queries.rows(triples.queries)
        documents = reading.documents.rows(triples.documents.ravel())
        scores = scorer.scores(queries, documents, reading.lab.device)
        return Signals(scores=scores.float().cpu())
