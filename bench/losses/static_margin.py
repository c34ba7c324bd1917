"""The margin loss with a constant target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Le

from bench import losses
from bench.losses._margins import Alignment, Error, MarginLoss, margins, mean_error
from bench.losses.signals import Embeddings, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    from torch import Tensor


@losses.register("static-margin", version=1)
@dataclass(frozen=True)
class StaticMargin(MarginLoss):
    """mean φ(m − τ): every margin has the same target τ, the option ``margin``.

    m_j = s(q_j,p_j) − s(q_j,n_j), s the cosine. With ``in_batch`` the mean is over all pairs (i,j)
    of a query and a negative; ``alignment`` chooses the positive (see `margins`).

    Shapes: queries, positives [B,d], negatives [B,K,d]; scalar. Needs no teacher.
    Source: arXiv 2407.21515; the defaults are its released implementation.
    Departs: K > 1 (mean over negatives) and ``alignment = "aligned"`` are ours.
    """

    margin: Annotated[float, Ge(0), Le(2)] = 0.5
    error: Error = "l2"
    in_batch: bool = False
    alignment: Alignment = "released"

    search_space: ClassVar = {"margin": Float(0.1, 1.0, step=0.1)}

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        triples = self.as_pairs(student)
        return mean_error(
            margins(*triples, self.in_batch, self.alignment) - self.margin, self.error
        )
