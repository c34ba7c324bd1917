"""The student's scores follow the teacher's, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from bench import losses
from bench.losses._scores import TeacherScores, reach
from bench.losses.signals import Embeddings, Signals, Similarity

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("score-mse", version=1)
@dataclass(frozen=True)
class ScoreMSE(TeacherScores):
    """mean (scale·s − t)²: every score of the student follows the teacher's.

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], in units that
    the student's similarity can reach: a cosine student needs cosines, or a ``scale``. The mean is
    over triples and their 1+K documents.
    Source: arXiv 2301.12005 (EmbedDistill); logit form of score distillation.
    Departs: ``scale`` multiplies the student's scores.
    """

    scale: Annotated[float, Gt(0)] = 1.0

    def reach(self, similarity: Similarity) -> float:
        return reach(self.scale, similarity)

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        wanted = self.teacher_scores(student, teacher)
        return (self.scale * student.scores() - wanted).square().mean()
