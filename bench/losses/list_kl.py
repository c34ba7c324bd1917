"""The student's distribution over a query's documents follows the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt

from bench import losses
from bench.losses._scores import TeacherScores
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("list-kl", version=1)
@dataclass(frozen=True)
class ListKL(TeacherScores):
    """mean over queries of KL(P‖Q), P = softmax(t/teacher_temperature), Q = softmax(s/temperature).

    ``reverse`` is KL(Q‖P). The softmax is over a triple's own 1+K documents. ``forward`` differs
    from the cross-entropy −Σ P log Q only by the teacher's entropy; the gradients are the same.

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], any real number.
    The temperatures' defaults suit cosines; for a cross-encoder's logits, use a teacher_temperature
    near 1.
    Source: arXiv 2010.11386 (TCT-ColBERT); arXiv 2301.12005, score distillation.
    Departs: no factor of temperature² (sentence-transformers' DistillKLDivLoss has the student's).
    """

    temperature: Annotated[float, Gt(0)] = 0.05
    teacher_temperature: Annotated[float, Gt(0)] = 0.05
    direction: Literal["forward", "reverse"] = "forward"

    search_space: ClassVar = {
        "temperature": Float(0.01, 1.0, log=True),
        "teacher_temperature": Float(0.01, 1.0, log=True),
    }

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        wanted = self.teacher_scores(student, teacher) / self.teacher_temperature
        ours = (student.scores() / self.temperature).log_softmax(1)
        theirs = wanted.log_softmax(1)
        first, second = (theirs, ours) if self.direction == "forward" else (ours, theirs)
        return (first.exp() * (first - second)).sum(1).mean()
