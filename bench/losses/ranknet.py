"""RankNet: the student's pairwise order follows the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench import losses
from bench.lazy import Library
from bench.losses._ranks import OrderLoss, differences, mean_where
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("ranknet", version=1)
@dataclass(frozen=True)
class RankNet(OrderLoss):
    """mean over pairs t_i > t_j of a query's documents of log(1 + e^−(s_i − s_j)/temperature).

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], of which only the
    order counts, so that any unit will do; equal scores form no pair. The mean is over all pairs of
    the batch. The temperature's default suits cosines.
    Source: Burges et al., ICML 2005 (RankNet); a teacher's order as target is ours.
    Departs: temperature; lightning-ir's RankNet multiplies by its ``temperature`` instead.
    """

    search_space: ClassVar = {"temperature": Float(0.01, 1.0, log=True)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        scores, wanted = self.both(student, teacher)
        costs = torch.nn.functional.softplus(-differences(scores))
        return mean_where(costs, differences(wanted) > 0)
