"""TAS-Balanced's dual supervision: margins within a triple and across the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt

from bench import losses
from bench.lazy import Library
from bench.losses._scores import TeacherScores, reach
from bench.losses.signals import Embeddings, Signal, Signals, Similarity
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("tas-balanced", version=1)
@dataclass(frozen=True)
class TASBalanced(TeacherScores):
    """MarginMSE of a triple + weight · ½ [MarginMSE against other positives + other negatives].

    Within triple i the margins are t(q_i,p_i) − t(q_i,n_i); across the batch they are
    t'(q_i,p_i) − t'(q_i,p_j) and t'(q_i,p_i) − t'(q_i,n_j), i ≠ j, from a second teacher t'.

    Shapes: queries, positives [B,d], negatives [B,K,d]; first teacher's scores [B,1+K], second
    teacher's in-batch scores [B,B,1+K], both in units the student's similarity can reach: the
    source uses dot products; a cosine student needs a ``scale``. Means over pairs; with B = 1 it is
    margin-mse.
    Source: arXiv 2104.06967 (TAS-B); weight 0.75 as released.
    Departs: ``scale`` multiplies the student's margins; K > 1 takes the mean over negatives. How
    batches are drawn is the sampler's part.
    """

    weight: Annotated[float, Ge(0)] = 0.75
    scale: Annotated[float, Gt(0)] = 1.0

    search_space: ClassVar = {"weight": Float(0.1, 2.0, log=True)}

    def needs(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES, Signal.IN_BATCH})

    def reach(self, similarity: Similarity) -> float:
        return reach(self.scale, similarity)

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        wanted = self.teacher_scores(student, teacher)
        pairs = _margins(self.scale * student.scores()) - _margins(wanted)
        return pairs.square().mean() + self.weight * self._across(student, teacher)

    def _across(self, student: Embeddings, teacher: Signals) -> Tensor:
        wanted = self.teacher_in_batch(student, teacher)
        scores = self.scale * student.in_batch()
        difference = (_own(scores) - scores) - (_own(wanted) - wanted)
        others = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        errors = difference.square() * others.unsqueeze(2)
        pairs = max(1, len(scores) * (len(scores) - 1))
        positives = errors[:, :, 0].sum() / pairs
        negatives = errors[:, :, 1:].mean(2).sum() / pairs
        return (positives + negatives) / 2

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        return {
            "mean_target": _margins(self.teacher_scores(student, teacher)).mean(),
            "in_batch": self._across(student, teacher),
        }


def _margins(scores: Tensor) -> Tensor:
    return scores[:, :1] - scores[:, 1:]


def _own(scores: Tensor) -> Tensor:
    """Each query's score of its own positive, [B, 1, 1]."""
    return scores[:, :, 0].diagonal().view(-1, 1, 1)
