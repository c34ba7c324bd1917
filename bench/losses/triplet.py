"""The triplet loss, a hinge on the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

from bench import losses
from bench.losses.base import Loss
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("triplet", version=1)
@dataclass(frozen=True)
class Triplet(Loss):
    """mean max(0, margin − s(q,p) + s(q,n)): no cost once the margin is reached.

    Shapes: queries, positives [B,d], negatives [B,K,d]; scalar; the mean is over triples and
    negatives. Needs no teacher. The margin is in units of the student's similarity.
    Source: arXiv 1503.03832 (FaceNet).
    Departs: similarities instead of distances (for the cosine and distance 1 − s, the same value).
    """

    margin: Annotated[float, Ge(0)] = 0.2

    family = "contrastive"
    search_space: ClassVar = {"margin": Float(0.1, 1.0, step=0.1)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        scores = student.scores()
        return (self.margin - scores[:, :1] + scores[:, 1:]).relu().mean()
