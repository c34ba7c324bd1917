"""A cross-encoder as teacher, which gives one score per pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import encoding, teachers
from bench.encoding.declaration import check_classifier
from bench.errors import InputError
from bench.losses.signals import Signal
from bench.teachers._neural import NeuralTeacher
from bench.teachers.base import SignalSource

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers._scorers import Scorer
    from bench.triples.stream import DrawPlan


@teachers.register("cross-encoder", version=1)
@dataclass(frozen=True)
class CrossEncoder(NeuralTeacher):
    """A sequence classifier with one output that reads query and document together.

    It is any classifier by hub id or folder, used as it is (``fine_tune = false``), or an encoder
    that is fine-tuned here with a new head. Scores are logits: any real number. Every pair that a
    run draws is scored once before training and charged as its examples are consumed; with a
    budget in seconds the pairs are not known beforehand and are scored as they are drawn.
    """

    fine_tune: bool = True

    def provides(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        return teachers.score_signals(self.load(plan.stream.queries, context), plan)

    def check(self) -> None:
        check_classifier(self.model)

    def scorer(self) -> Scorer:
        classifier, has_head = encoding.load_classifier(self.model)
        if not has_head and not self.fine_tune:
            raise InputError(
                f"cross-encoder: {self.model} has no classification head to score with; "
                "set fine_tune = true, or name a model that has one"
            )
        return teachers.CrossScorer(
            classifier, encoding.JointForm.of(encoding.load_tokenizer(self.model))
        )
