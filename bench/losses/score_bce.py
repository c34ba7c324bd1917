"""The student's probability of relevance follows the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Gt

from bench import losses
from bench.lazy import Library
from bench.losses._scores import TeacherScores
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("score-bce", version=1)
@dataclass(frozen=True)
class ScoreBCE(TeacherScores):
    """mean −σ(t)·log σ(scale·s) − (1 − σ(t))·log(1 − σ(scale·s)).

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K] as logits (any
    real number, 0 is undecided; ``teacher_scale`` makes logits of cosines). The mean is over
    triples and their 1+K documents. Its least value is the teacher's entropy, not 0.
    Source: arXiv 2301.12005 (EmbedDistill); binary form of score distillation.
    Departs: both scales. σ of a cosine lies in [0.27, 0.73], so a cosine student needs one.
    """

    scale: Annotated[float, Gt(0)] = 1.0
    teacher_scale: Annotated[float, Gt(0)] = 1.0

    search_space: ClassVar = {"scale": Float(1.0, 50.0, log=True)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        wanted = (self.teacher_scale * self.teacher_scores(student, teacher)).sigmoid()
        return torch.nn.functional.binary_cross_entropy_with_logits(
            self.scale * student.scores(), wanted
        )
