"""LEAF: the student's vectors follow the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import losses
from bench.lazy import Library
from bench.losses._vectors import Matching, Pairs
from bench.losses.signals import unit

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("leaf", version=1)
@dataclass(frozen=True)
class Leaf(Matching):
    """mean ‖t − W s‖₂ over the batch's queries and documents together, t at length 1.

    W is the learned linear layer of ``projection``; it exists only if the widths differ. s is the
    student's vector without normalisation, so that its length is learned too.

    Shapes: queries, positives [B,d], negatives [B,K,d]; the teacher's query [B,d'] and document
    embeddings [B,1+K,d'], any length. Labels are not used.
    Source: arXiv 2509.12539 (LEAF).
    Departs: no projection if the widths agree.
    """

    def distance(self, pairs: Pairs) -> Tensor:
        differences = [ours - unit(theirs) for ours, theirs in pairs.values()]
        return torch.cat(differences).norm(dim=1).mean()
