"""CL-DRD: follows the teacher's order, for its first documents one by one, for others by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

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


@losses.register("curriculum-rank", version=1)
@dataclass(frozen=True)
class CurriculumRank(OrderLoss):
    """mean over pairs y_i > y_j of |1/r_i − 1/r_j| · log(1 + e^(s_j − s_i)/temperature).

    r is the *student's* current rank. y orders a query's 1+K documents: the teacher's first ``top``
    one by one (1/rank), the others by group: ``groups`` equal parts of them, better ones first
    (one group: y = 0 for all; more: 0 or negative by group). Documents of the same group form no
    pair. A curriculum raises ``top`` from stage to stage; one loss is one stage.

    Shapes: queries, positives [B,d], negatives [B,K,d]; teacher's scores [B,1+K], of which only the
    order counts, so that any unit will do; equal scores form no pair. Mean over all pairs of the
    batch.
    Source: arXiv 2204.13679 (CL-DRD); its released code takes the top 5, 10 or 20 of 30 documents,
    then one group or two.
    Departs: temperature (its default suits cosines, the source's dot product has 1); the groups
    follow the teacher's order, where the source takes ranges of its ranking.
    """

    top: Annotated[int, Ge(1)] = 10
    groups: Annotated[int, Ge(1)] = 2

    search_space: ClassVar = {"temperature": Float(0.01, 1.0, log=True)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        scores, wanted = self.both(student, teacher)
        inverse = 1 / ranks(scores).to(scores.dtype)
        weights = differences(inverse).abs()
        better = differences(self._places(wanted)) < 0
        return mean_where(weights * torch.nn.functional.softplus(-differences(scores)), better)

    def _places(self, wanted: Tensor) -> Tensor:
        """The teacher's ranks [B, n] up to ``top``, then one number per group."""
        places = shared_ranks(wanted)
        rest = max(1, wanted.shape[1] - self.top)
        group = (places - self.top - 1) * self.groups // rest
        return places.where(places <= self.top, self.top + 1 + group)
