"""The parameter-free margin loss: the student's own similarity sets the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import losses
from bench.losses._margins import SelfDistilledTarget, margins, mean_error
from bench.losses.signals import Embeddings, Signals

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("adaptive-margin", version=1)
@dataclass(frozen=True)
class AdaptiveMargin(SelfDistilledTarget):
    """mean φ(m − t), t = s(p,n)/2 + 1/2: the target grows with the similarity of p and n.

    With ``in_batch``, entry (i,j) of the margins has the target s(p_i,n_j)/2 + 1/2. Gradients flow
    through the target unless ``detach_target`` is set; then lowering s(p,n) alone cannot lower the
    loss.

    Shapes: queries, positives [B,d], negatives [B,K,d]; scalar. Needs no teacher; parameter-free.
    Source: arXiv 2407.21515; the defaults are its released implementation.
    Departs: K > 1, ``aligned``, ``detach_target`` and ``dissimilar`` are ablation axes of ours.
    """

    in_batch: bool = False

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        queries, positives, negatives = self.as_pairs(student)
        against = positives.unsqueeze(1) if self.in_batch else positives
        targets = self.targets(against, negatives)
        difference = margins(queries, positives, negatives, self.in_batch, self.alignment)
        return mean_error(difference - targets, self.error)
