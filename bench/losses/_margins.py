"""Shared by the three margin losses of arXiv 2407.21515: margins, targets, errors, alignment.

Notation: s is the student's similarity, m_j = s(q_j,p_j) − s(q_j,n_j) a triple's margin, φ the
error. There is no hinge: with l1 and l2 a margin above its target costs as much as one equally far
below. The paper defines K = 1; for more negatives, our extension counts each (triple, negative)
pair as a triple and takes the mean over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.lazy import Library
from bench.losses.base import Loss
from bench.losses.signals import Embeddings, Signals

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")

Error = Literal["l2", "l1", "soft"]
Alignment = Literal["released", "aligned"]
Target = Literal["similar", "dissimilar"]


@dataclass(frozen=True)
class MarginLoss(Loss):
    """A loss of margins between cosines."""

    family = "self-distilled margins"
    only_similarity = "cosine"

    def as_pairs(self, student: Embeddings) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, positives, negatives, each [B·K, d], at length 1.

        Raises:
            InputError: the student's similarity is not the cosine.
        """
        self.check_similarity(student.similarity)
        student = student.normalised()
        count = student.negatives.shape[1]
        return (
            student.queries.repeat_interleave(count, 0),
            student.positives.repeat_interleave(count, 0),
            student.negatives.flatten(0, 1),
        )


@dataclass(frozen=True)
class SelfDistilledTarget(MarginLoss):
    """Options of the losses whose target is the student's own similarity of p and n."""

    error: Error = "l2"
    alignment: Alignment = "released"
    detach_target: bool = False
    target: Target = "similar"

    def targets(self, positives: Tensor, negatives: Tensor) -> Tensor:
        """s(p,n)/2 + 1/2 over the last axis (``dissimilar``: 1 − s(p,n) replaces s(p,n))."""
        likeness = (positives * negatives).sum(-1)
        if self.target == "dissimilar":
            likeness = 1 - likeness
        target = likeness / 2 + 0.5
        return target.detach() if self.detach_target else target

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        """The mean of the triples' own targets; it goes to 1 if the student collapses."""
        _, positives, negatives = self.as_pairs(student)
        return {"mean_target": self.targets(positives, negatives).mean()}


def margins(
    queries: Tensor, positives: Tensor, negatives: Tensor, in_batch: bool, alignment: Alignment
) -> Tensor:
    """m_j [B], or with in-batch negatives the matrix [B,B] of margins over negative j in query i.

    Entry (i,j) subtracts s(q_i,n_j) from s(q_j,p_j) if ``released`` (as in the public
    implementation), and from s(q_i,p_i) if ``aligned``.
    """
    own = (queries * positives).sum(-1)
    if not in_batch:
        return own - (queries * negatives).sum(-1)
    against = queries @ negatives.T
    return (own.unsqueeze(0) if alignment == "released" else own.unsqueeze(1)) - against


def mean_error(difference: Tensor, error: Error) -> Tensor:
    """Mean of φ: ``l2`` x², ``l1`` |x|, ``soft`` log(1 + e^−x)."""
    if error == "l2":
        return difference.square().mean()
    if error == "l1":
        return difference.abs().mean()

    return torch.nn.functional.softplus(-difference).mean()
