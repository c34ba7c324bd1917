"""The inputs of every loss: the student's embeddings of a batch, and the teacher's signals for it.

Importing this module does not import torch, so that losses can be listed and studies planned on a
machine without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from bench.deprecation import Renamed
from bench.errors import InputError
from bench.lazy import Library

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")

Similarity = Literal["cosine", "dot"]


class Signal(StrEnum):
    """What a teacher can give beyond labels; `Signals` has an attribute for each, in lower case."""

    SCORES = "scores"
    """The teacher's score of the positive and of every negative: [B, 1+K], in its own units."""
    IN_BATCH = "in-batch scores"
    """Its score of every query of the batch with every document: [B, B, 1+K]."""
    QUERIES = "query embeddings"
    """[B, d], where d is the teacher's width and a dot product its similarity; or [B, 1+K, d] from
    a teacher that reads a query together with each document."""
    DOCUMENTS = "document embeddings"
    """[B, 1+K, d], the positive first."""


@dataclass(frozen=True)
class Embeddings:
    """The student's embeddings of a batch of B triples with K negatives each.

    Attributes:
        queries: [B, d].
        positives: [B, d].
        negatives: [B, K, d]; [B, d] is taken as K = 1.
        similarity: the student's own, ``"cosine"`` or ``"dot"``.

    Raises:
        InputError: the shapes do not fit together.
    """

    queries: Tensor
    positives: Tensor
    negatives: Tensor
    similarity: Similarity = "cosine"

    comparable = Renamed("normalised")

    def __post_init__(self) -> None:
        if self.negatives.dim() == 2:
            object.__setattr__(self, "negatives", self.negatives.unsqueeze(1))
        queries, positives, negatives = (
            tuple(part.shape) for part in (self.queries, self.positives, self.negatives)
        )
        fits = (
            len(queries) == 2
            and positives == queries
            and len(negatives) == 3
            and (negatives[0], negatives[2]) == queries
            and negatives[1] >= 1
        )
        if not fits:
            raise InputError(
                "embeddings must be queries [B,d], positives [B,d], negatives [B,K,d]; got "
                f"{list(queries)}, {list(positives)}, {list(negatives)}"
            )
        if self.similarity not in ("cosine", "dot"):
            raise InputError(f"similarity must be 'cosine' or 'dot', not {self.similarity!r}")

    @property
    def documents(self) -> Tensor:
        """Positive and negatives of every triple: [B, 1+K, d]."""
        return torch.cat([self.positives.unsqueeze(1), self.negatives], dim=1)

    def normalised(self) -> Embeddings:
        """A copy in which the dot product is the student's similarity."""
        if self.similarity == "dot":
            return self
        return Embeddings(unit(self.queries), unit(self.positives), unit(self.negatives), "dot")

    def scores(self) -> Tensor:
        """s(q, p) and s(q, n_k) of every triple: [B, 1+K]."""
        student = self.normalised()
        return (student.queries.unsqueeze(1) * student.documents).sum(-1)

    def in_batch(self) -> Tensor:
        """s of every query i with the positive and the negatives of every triple j: [B, B, 1+K]."""
        student = self.normalised()
        batch, width = student.queries.shape
        scores = student.queries @ student.documents.reshape(-1, width).T
        return scores.view(batch, batch, -1)


def unit(vectors: Tensor) -> Tensor:
    """Vectors at length 1 along the last axis; a zero vector stays zero."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)


@dataclass(frozen=True)
class Signals:
    """The teacher's signals for the same batch; `None` for those that the loss does not need.

    Attributes:
        scores: [B, 1+K], the positive first, in the teacher's units.
        in_batch: [B, B, 1+K]; entry (i,j) is query i with the positive and negatives of triple j.
        queries: the teacher's embeddings [B, d] of the queries, or [B, 1+K, d] of each query read
            with each document; d may differ from the student's.
        documents: the teacher's embeddings [B, 1+K, d] of positives and negatives.
    """

    scores: Tensor | None = None
    in_batch: Tensor | None = None
    queries: Tensor | None = None
    documents: Tensor | None = None
