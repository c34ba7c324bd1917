"""RKD: distances and angles between texts follow the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

from bench import losses
from bench.lazy import Library
from bench.losses._vectors import TeacherVectors
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("relational", version=1)
@dataclass(frozen=True)
class Relational(TeacherVectors):
    """distance · H(d^s/mean d^s, d^t/mean d^t) + angle · H(cos∠^s, cos∠^t), H the Huber loss.

    d are the distances between all n texts of the batch (``texts``: queries and documents
    together, or one side), divided by the mean of the distances above 0; ∠_ijk is the angle at
    text j between i and k. H is x²/2 up to |x| = 1, then |x| − 1/2; means over all n² and n³.

    Shapes: queries, positives [B,d], negatives [B,K,d]; the teacher's query [B,d'] and document
    embeddings [B,1+K,d']. No projection: only relations within a side are compared. Time and memory
    grow with n³, n = B(2+K) texts.
    Source: arXiv 1904.05068 (RKD); weights 1 and 2 as in its metric learning.
    Departs: the student's vectors are normalised if its similarity is the cosine.
    """

    distance: Annotated[float, Ge(0)] = 1.0
    angle: Annotated[float, Ge(0)] = 2.0

    search_space: ClassVar = {"angle": Float(0.1, 10.0, log=True)}

    def __post_init__(self) -> None:
        if not (self.distance or self.angle):
            raise ValueError("every weight is 0: nothing would be trained")

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        pairs = self.pairs(student.normalised(), teacher).values()
        ours, theirs = (_relations(torch.cat(side)) for side in zip(*pairs, strict=True))
        distances, angles = (
            torch.nn.functional.smooth_l1_loss(mine, wanted)
            for mine, wanted in zip(ours, theirs, strict=True)
        )
        return self.distance * distances + self.angle * angles


def _relations(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """(distances / their mean [n, n], cosines of angles [n, n, n]) of n vectors."""
    differences = vectors.unsqueeze(0) - vectors.unsqueeze(1)
    # The square root has no gradient at 0, the distance of a text to itself or an equal one.
    squared = differences.square().sum(-1)
    same = squared <= 1e-12
    distances = squared.masked_fill(same, 1.0).sqrt().masked_fill(same, 0.0)
    mean = distances.sum() / (~same).sum().clamp_min(1)
    directions = differences / distances.masked_fill(same, 1.0).unsqueeze(-1)
    directions = directions.masked_fill(same.unsqueeze(-1), 0.0)
    return distances / mean.clamp_min(1e-12), directions @ directions.transpose(1, 2)
