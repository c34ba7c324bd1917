"""EmbedDistill's dual-pooled cross-encoder: two vectors from one joint pass."""

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


@teachers.register("dual-pooled-cross-encoder", version=1)
@dataclass(frozen=True)
class DualPooledCrossEncoder(NeuralTeacher):
    """Reads query and document together; the means of their token states give one vector each.

    The score is the cosine of the two vectors, in [-1, 1]. A query's vector depends on the
    document it is read with, so query embeddings are [B,1+K,d], one for each document embedding.
    Every pair that a run draws is read once before training and charged as its examples are
    consumed; vectors are stored as float16.
    Source: arXiv 2301.12005 (EmbedDistill), cross-encoder teachers with dual pooling.
    Departs: the vectors have length 1 (the source compares by dot product).
    """

    fine_tune: bool = True

    def provides(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES, Signal.QUERIES, Signal.DOCUMENTS})

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        loaded = self.load(plan.stream.queries, context)
        if needs <= {Signal.SCORES}:
            return teachers.score_signals(loaded, plan)
        return teachers.dual_vector_signals(loaded, needs, plan)

    def notes(self) -> list[str]:
        return unused_layer(self)

    def scorer(self) -> Scorer:
        form = encoding.JointForm.of(encoding.load_tokenizer(self.declares.body))
        return teachers.DualPooledScorer(encoding.load_transformer(self.declares.body), form)
