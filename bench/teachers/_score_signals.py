"""Scores of drawn pairs: computed before training if the pairs are known, else batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.losses.signals import Signals
from bench.storage.artifacts import Artifact
from bench.teachers._loaded_teacher import LoadedTeacher
from bench.teachers._pair_reading import read_pairs
from bench.teachers._pairs import PairScores
from bench.teachers.base import SignalSource
from bench.triples.stream import DrawPlan, Triples


def score_signals(loaded: LoadedTeacher, plan: DrawPlan) -> SignalSource:
    """A source of scores alone."""
    if plan.examples is None:
        return StreamedScores(loaded)
    context = loaded.tokenized.context

    def read(queries: list, documents: list) -> torch.Tensor:
        return loaded.scorer.scores(queries, documents, context.device)[:, 0]

    codes, scores, artifact = read_pairs("teacher-scores", loaded, plan, read)
    return PairScores(len(context.collection.documents), codes, scores, (artifact,))


@dataclass(frozen=True)
class StreamedScores:
    """Scores each batch when it is drawn; the time this takes counts as training time."""

    loaded: LoadedTeacher
    width = 0

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return (*self.loaded.tokenized.artifacts, *self.loaded.artifacts)

    @torch.no_grad()  # not inference_mode, because the loss uses the scores in its graph
    def signals(self, triples: Triples) -> Signals:
        tokenized, scorer = self.loaded.tokenized, self.loaded.scorer
        queries = tokenized.queries.rows(triples.queries)
        documents = tokenized.documents.rows(triples.documents.ravel())
        scores = scorer.scores(queries, documents, tokenized.context.device)
        return Signals(scores=scores.float().cpu())
