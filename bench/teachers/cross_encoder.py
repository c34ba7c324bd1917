"""A cross-encoder as teacher: one score a pair, from a joint pass."""

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

    Any classifier by hub id or folder, as it is (``fine_tune = false``), or one fine-tuned here
    from an encoder: its head is then new. Scores are logits: any real number. Every pair that a run
    draws is scored once before it starts and charged as its examples are consumed; where the budget
    is in seconds the pairs are not known, and they are scored as they are drawn.
    """

    fine_tune: bool = True

    def provides(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        return teachers.scored(self.loaded(plan.stream.queries, context), plan)

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
