"""MarginMSE: the student's margins follow the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from bench import losses
from bench.losses._scores import TeacherScores, reach
from bench.losses.signals import Embeddings, Signals, Similarity

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("margin-mse", version=1)
@dataclass(frozen=True)
class MarginMSE(TeacherScores):
    """mean ((scale·(s⁺ − s⁻) − (t⁺ − t⁻))²): the student's margin follows the teacher's.

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], in units that the
    student's similarity can reach: a margin of cosines is at most 2, so a cosine student needs a
    bi-encoder teacher's cosines, or a ``scale``. The mean is over triples and negatives.
    Source: arXiv 2010.02666; dot product and K = 1 there.
    Departs: ``scale`` multiplies the student's margins; K > 1 takes the mean over negatives.
    """

    scale: Annotated[float, Gt(0)] = 1.0

    def reach(self, similarity: Similarity) -> float:
        return reach(self.scale, similarity)

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        wanted = self.teacher_scores(student, teacher)
        scores = student.scores()
        margins = self.scale * (scores[:, :1] - scores[:, 1:])
        return (margins - (wanted[:, :1] - wanted[:, 1:])).square().mean()

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        wanted = self.teacher_scores(student, teacher)
        return {"mean_target": (wanted[:, :1] - wanted[:, 1:]).mean()}
