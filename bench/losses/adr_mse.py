"""ADR-MSE: the student's smooth ranks follow the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench import losses
from bench.losses._ranks import OrderLoss, differences
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("adr-mse", version=1)
@dataclass(frozen=True)
class ADRMSE(OrderLoss):
    """mean (π̂_i − π_i)² / log₂(π_i + 1), π̂_i = 1 + Σ_{j≠i} σ((s_j − s_i)/temperature).

    π is the teacher's rank within the query's 1+K documents (1 is the best); equal scores share the
    average of their ranks, as in sentence-transformers (lightning-ir ranks them by position).

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], of which only the
    order counts, so that any unit will do. The mean is over all documents of the batch.
    Source: arXiv 2405.07920 (Rank-DistiLLM).
    Departs: the temperature's default suits cosines (1 in the source, on a cross-encoder's logits).
    """

    search_space: ClassVar = {"temperature": Float(0.01, 1.0, log=True)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        scores, wanted = self.both(student, teacher)
        # Row i sums σ((s_j − s_i)/T) over all j; j = i adds ½.
        smooth = 0.5 + (-differences(scores)).sigmoid().sum(2)
        difference = differences(wanted)
        better, equal = (difference < 0).sum(2), (difference == 0).sum(2)
        places = (better + (equal + 1) / 2).to(scores.dtype)
        return ((smooth - places).square() / (places + 1).log2()).mean()
