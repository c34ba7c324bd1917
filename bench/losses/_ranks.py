"""What the losses that compare a teacher's order with the student's share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from bench.losses._scores import TeacherScores
from bench.losses.signals import Embeddings, Signals

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class OrderLoss(TeacherScores):
    """A loss of the teacher's order: only which score is higher counts, not by how much."""

    temperature: Annotated[float, Gt(0)] = 0.05

    def both(self, student: Embeddings, teacher: Signals) -> tuple[Tensor, Tensor]:
        """The student's scores over the temperature and the teacher's, each [B, 1+K]."""
        return student.scores() / self.temperature, self.teacher_scores(student, teacher)


def less(values: Tensor) -> Tensor:
    """[B, n] → [B, n, n]: entry (i,j) is v_i − v_j."""
    return values.unsqueeze(2) - values.unsqueeze(1)


def ranks(scores: Tensor) -> Tensor:
    """1 for the highest score of each row; equal scores rank in the order they stand."""
    order = scores.argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1) + 1


def shared_ranks(scores: Tensor) -> Tensor:
    """1 + how many scores of the row are higher: equal scores share the best of their ranks."""
    return 1 + (less(scores) < 0).sum(2)


def mean_where(values: Tensor, kept: Tensor) -> Tensor:
    """Mean over the kept entries; 0 where nothing is kept."""
    return (values * kept).sum() / kept.sum().clamp_min(1)
