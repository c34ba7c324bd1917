"""LambdaLoss: weights pairs by how much swapping them would change nDCG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from bench import losses
from bench.lazy import Library
from bench.losses._ranks import OrderLoss, differences, mean_where, ranks, shared_ranks
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")

MU = 10.0
"""The weight of NDCG-Loss2 within NDCG-Loss2++, as in the paper."""


@losses.register("lambda", version=1)
@dataclass(frozen=True)
class Lambda(OrderLoss):
    """mean over pairs t_i > t_j of −w_ij log₂ σ((s_i − s_j)/temperature).

    w_ij = |G_i − G_j| · δ_ij, where G is the gain 2^y − 1 divided by the ideal DCG,
    D(r) = log₂(1 + r), and r the student's rank. ``weights`` chooses δ:
    ``lambdarank`` |1/D(r_i) − 1/D(r_j)|, ``ndcg2`` |1/D(|r_i − r_j|) − 1/D(|r_i − r_j| + 1)|,
    ``ndcg2++`` 10·ndcg2 + lambdarank.

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], of which only the
    order counts: y = 1/(the teacher's rank). Equal scores share the best rank and form no pair.
    Source: Wang et al., CIKM 2018 (LambdaLoss).
    Departs: the teacher's reciprocal ranks replace graded labels, so that any unit will do; the
    mean is over pairs, as in sentence-transformers' LambdaLoss, instead of a sum over a query's.
    """

    weights: Literal["ndcg2++", "ndcg2", "lambdarank"] = "ndcg2++"

    search_space: ClassVar = {"temperature": Float(0.01, 1.0, log=True)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        scores, wanted = self.both(student, teacher)
        places = shared_ranks(wanted).to(scores.dtype)
        gains = (1 / places).exp2() - 1
        ideal = (gains.sort(dim=1, descending=True).values / _discount(_counting(gains))).sum(1)
        difference = differences(gains / ideal.unsqueeze(1)).abs()
        order = ranks(scores).to(scores.dtype)
        cost = torch.nn.functional.softplus(-differences(scores)) / math.log(2)
        return mean_where(difference * self._swap(order) * cost, differences(wanted) > 0)

    def _swap(self, order: Tensor) -> Tensor:
        """δ_ij [B, n, n] from the student's ranks [B, n]."""
        across = differences(1 / _discount(order)).abs()
        if self.weights == "lambdarank":
            return across
        # Only pairs with i ≠ j count; the clamp keeps the diagonal finite.
        apart = differences(order).abs().clamp_min(1)
        near = 1 / _discount(apart) - 1 / _discount(apart + 1)
        return near if self.weights == "ndcg2" else MU * near + across


def _discount(rank: Tensor) -> Tensor:
    return (1 + rank).log2()


def _counting(like: Tensor) -> Tensor:
    """1, 2, … along the last axis."""
    return torch.arange(1, like.shape[-1] + 1, dtype=like.dtype, device=like.device)
