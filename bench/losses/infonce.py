"""InfoNCE: softmax cross-entropy with the positive as the right one among candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt

from bench import losses
from bench.losses.base import Loss
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("infonce", version=1)
@dataclass(frozen=True)
class InfoNCE(Loss):
    """mean −log softmax_p(s(q,·)/temperature): the positive against its candidates.

    Candidates (``negatives``): with ``both``, all positives and negatives of the batch; with
    ``batch``, the positives alone; with ``triples``, the query's own positive and K negatives.

    Shapes: queries, positives [B,d], negatives [B,K,d]; scalar. Needs no teacher.
    Source: arXiv 1807.03748; in-batch form of arXiv 1705.00652, in one direction: queries choose
    among documents.
    """

    temperature: Annotated[float, Gt(0)] = 0.05
    negatives: Literal["both", "batch", "triples"] = "both"

    family = "contrastive"
    search_space: ClassVar = {"temperature": Float(0.01, 0.2, log=True)}

    def contrasts_batch(self) -> bool:
        return self.negatives != "triples"

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        if self.negatives == "triples":
            scores = student.scores() / self.temperature
            return (scores.logsumexp(1) - scores[:, 0]).mean()
        scores = student.in_batch() / self.temperature
        if self.negatives == "batch":
            scores = scores[:, :, :1]
        own = scores[:, :, 0].diagonal()
        return (scores.flatten(1).logsumexp(1) - own).mean()
