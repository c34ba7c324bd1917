"""Shared by losses that compare the teacher's order of documents with the student's."""

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
        """(the student's scores / temperature, the teacher's scores), each [B, 1+K]."""
        return student.scores() / self.temperature, self.teacher_scores(student, teacher)


def differences(values: Tensor) -> Tensor:
    """[B, n] → [B, n, n]: entry (i,j) is v_i − v_j."""
    return values.unsqueeze(2) - values.unsqueeze(1)


def ranks(scores: Tensor) -> Tensor:
    """Ranks from 1 for the highest score of each row; equal scores rank by position."""
    order = scores.argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1) + 1


def shared_ranks(scores: Tensor) -> Tensor:
    """1 + the number of higher scores in the row, so that equal scores share the best rank."""
    return 1 + (differences(scores) < 0).sum(2)


def mean_where(values: Tensor, kept: Tensor) -> Tensor:
    """Mean over the entries where ``kept`` is true; 0 if there are none."""
    return (values * kept).sum() / kept.sum().clamp_min(1)
