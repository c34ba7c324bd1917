"""Compares each triple's margin with targets from the whole batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import losses
from bench.losses._margins import SelfDistilledTarget, margins, mean_error
from bench.losses.signals import Embeddings, Signals

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("distributed-margin", version=1)
@dataclass(frozen=True)
class DistributedMargin(SelfDistilledTarget):
    """mean_ij φ(m_j − T_ij), T_ij = s(p_i,n_j)/2 + 1/2 over all positives i and negatives j.

    ``released`` compares the margin of triple j with the targets of its negative and every
    positive; ``aligned`` compares m_i with T_ij, the targets of its positive and every negative.
    With l2 (released) the loss is mean_j (m_j − mean_i T_ij)² + mean_j Var_i(T_ij): its least value
    is above 0 and cannot be compared with adaptive-margin's.

    Shapes: queries, positives [B,d], negatives [B,K,d]; scalar. Needs no teacher; parameter-free.
    Source: arXiv 2407.21515; the defaults are its released implementation.
    Departs: K > 1, ``detach_target`` and ``dissimilar`` are ours; ``aligned`` is the paper's prose.
    """

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        queries, positives, negatives = self.as_pairs(student)
        own = margins(queries, positives, negatives, False, self.alignment)
        targets = self.targets(positives.unsqueeze(1), negatives)
        own = own.unsqueeze(0) if self.alignment == "released" else own.unsqueeze(1)
        return mean_error(own - targets, self.error)
