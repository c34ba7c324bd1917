"""A late-interaction model as teacher, which scores by MaxSim over token vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import encoding, teachers
from bench.encoding.declaration import unused_layer
from bench.losses.signals import Signal
from bench.teachers._neural import NeuralTeacher
from bench.teachers.base import SignalSource

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers._scorers import Scorer
    from bench.triples.stream import DrawPlan


@teachers.register("late-interaction", version=1)
@dataclass(frozen=True)
class LateInteraction(NeuralTeacher):
    """Σ over the query's tokens of the largest cosine with a token of the document (ColBERT).

    Scores lie in [-n, n] for a query of n tokens. Token vectors of every train query and of every
    document that training can draw are computed once, stored as float16, and compared while
    training, so that in-batch scores (the second signal of TAS-B) cost no further pass.
    Source: arXiv 2004.12832 (ColBERT); TAS-B (arXiv 2104.06967) for its use as a teacher.
    Departs: the encoder's own width, no added linear layer, no mask tokens after the query.
    """

    max_length: int = 128

    def provides(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES, Signal.IN_BATCH})

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        return teachers.TokenSignals.of(self.load(plan.stream.queries, context), needs)

    def notes(self) -> list[str]:
        return unused_layer(self)

    def scorer(self) -> Scorer:
        padding = encoding.load_tokenizer(self.declares.body).pad_token_id or 0
        return teachers.LateScorer(encoding.load_transformer(self.declares.body), padding)
