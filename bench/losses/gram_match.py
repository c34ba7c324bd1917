"""Stella and Jasper's three terms: vectors, similarities, and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

from bench import losses
from bench.lazy import Library
from bench.losses._vectors import Matching, Pairs
from bench.losses.signals import unit
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("gram-match", version=1)
@dataclass(frozen=True)
class GramMatch(Matching):
    """vector·mean(1 − cos(e^s, e^t)) + gram·mean (S^s − S^t)² + order·mean max(0, margin − ±ΔS^s).

    S is the Gram matrix of cosines among the n texts (``texts``: queries and documents together, or
    one side). The last mean is over all pairs of entries of its upper triangle: ΔS^s is their
    difference, ± the sign of the teacher's difference; pairs that are equal for the teacher cost
    the margin, without gradient.

    Shapes: queries, positives [B,d], negatives [B,K,d]; the teacher's query [B,d'] and document
    embeddings [B,1+K,d'], compared by cosine. Labels are not used. Time and memory of the last term
    grow with n⁴, n = B(2+K) texts: use it with small batches, or with one side.
    Source: arXiv 2412.19048 (Jasper and Stella); weights 10, 200, 20 and margin 0.015 as released.
    Departs: ties, which the released code ranks by position.
    """

    vector: Annotated[float, Ge(0)] = 10.0
    gram: Annotated[float, Ge(0)] = 200.0
    order: Annotated[float, Ge(0)] = 20.0
    margin: Annotated[float, Ge(0)] = 0.015

    search_space: ClassVar = {"margin": Float(0.005, 0.05, log=True)}

    def __post_init__(self) -> None:
        if not (self.vector or self.gram or self.order):
            raise ValueError("every weight is 0: nothing would be trained")

    def distance(self, pairs: Pairs) -> Tensor:
        vector, gram, order = self._terms(pairs)
        return self.vector * vector + self.gram * gram + self.order * order

    def _terms(self, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
        ours, theirs = (unit(torch.cat(side)) for side in zip(*pairs.values(), strict=True))
        mine, wanted = ours @ ours.T, theirs @ theirs.T
        return (
            (1 - (ours * theirs).sum(1)).mean(),
            (mine - wanted).square().mean(),
            self._order(mine, wanted),
        )

    def _order(self, mine: Tensor, wanted: Tensor) -> Tensor:
        upper = torch.triu_indices(len(mine), len(mine), offset=1, device=mine.device)
        places = upper[0] * len(mine) + upper[1]
        mine, wanted = (gram.flatten().index_select(0, places) for gram in (mine, wanted))
        signs = (wanted.unsqueeze(1) - wanted.unsqueeze(0)).sign()
        costs = (self.margin - signs * (mine.unsqueeze(1) - mine.unsqueeze(0))).relu()
        # Each pair occurs twice; the diagonal, which costs the margin, is subtracted.
        count = len(mine)
        total = costs.sum() - self.margin * count
        return total / max(1, count * (count - 1))
