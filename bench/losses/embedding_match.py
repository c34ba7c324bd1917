"""EmbedDistill's embedding matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench import losses
from bench.lazy import Library
from bench.losses._vectors import Matching, Pairs
from bench.losses.signals import Embeddings, Signals

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("embedding-match", version=1)
@dataclass(frozen=True)
class EmbeddingMatch(Matching):
    """R_Q + R_D: mean ‖e^t − proj(e^s)‖₂ over the queries plus the same over the documents.

    ``error`` is the norm, its square, or 1 − cosine. e^s are the student's vectors as it compares
    them: of length 1 if its similarity is the cosine. If the widths differ, a learned linear layer
    maps the ``projection`` side.

    Shapes: queries, positives [B,d], negatives [B,K,d]; the teacher's query [B,d'] and document
    embeddings [B,1+K,d'], normalised as the teacher compares them. Positives and negatives count
    alike; labels are not used.
    Source: arXiv 2301.12005 (EmbedDistill); its embedding matching with a bi-encoder teacher.
    Departs: squared norm and cosine are ours. sentence-transformers' EmbedDistillLoss takes the
    mean over its columns of text, and its ``mse`` is the squared norm over the width.
    """

    error: Literal["norm", "squared", "cosine"] = "norm"

    def pairs(self, student: Embeddings, teacher: Signals) -> Pairs:
        return super().pairs(student.normalised(), teacher)

    def distance(self, pairs: Pairs) -> Tensor:
        return torch.stack([self._error(*pair).mean() for pair in pairs.values()]).sum()

    def _error(self, ours: Tensor, theirs: Tensor) -> Tensor:
        if self.error == "cosine":
            return 1 - torch.nn.functional.cosine_similarity(ours, theirs, dim=1)
        if self.error == "squared":
            return (ours - theirs).square().sum(1)
        return (ours - theirs).norm(dim=1)
