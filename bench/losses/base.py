"""What every loss is given, and what it must say of itself.

Nothing here imports torch when it is loaded, so that studies can be planned and losses listed on a
machine without it; the maths runs on tensors' own methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bench.errors import InputError
from bench.registry import Entry
from bench.spaces import Space

if TYPE_CHECKING:
    from torch import Tensor

Similarity = Literal["cosine", "dot"]


class Signal(StrEnum):
    """What a teacher can give beyond labels."""

    SCORES = "scores"
    """The teacher's score of the positive and of every negative: [B, 1+K], in its own units."""


@dataclass(frozen=True)
class Embeddings:
    """The student's embeddings of a batch of B triples with K negatives each.

    Attributes:
        queries: [B, d].
        positives: [B, d].
        negatives: [B, K, d]; [B, d] is taken as K = 1.
        similarity: the student's own, ``"cosine"`` or ``"dot"``.

    Raises:
        InputError: shapes that do not fit together.
    """

    queries: Tensor
    positives: Tensor
    negatives: Tensor
    similarity: Similarity = "cosine"

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

    def comparable(self) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, positives, negatives such that a dot product is the student's similarity."""
        if self.similarity == "dot":
            return self.queries, self.positives, self.negatives
        return unit(self.queries), unit(self.positives), unit(self.negatives)

    def scores(self) -> Tensor:
        """s(q, p) and s(q, n_k) of every triple: [B, 1+K]."""
        queries, positives, negatives = self.comparable()
        candidates = _concatenate(positives.unsqueeze(1), negatives)
        return (queries.unsqueeze(1) * candidates).sum(-1)


def unit(vectors: Tensor) -> Tensor:
    """Vectors at length 1 along the last axis; a zero vector stays zero."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def _concatenate(first: Tensor, rest: Tensor) -> Tensor:
    import torch

    return torch.cat([first, rest], dim=1)


@dataclass(frozen=True)
class Signals:
    """The teacher's signals for the same batch; `None` where the loss did not ask.

    Attributes:
        scores: [B, 1+K], the positive first.
    """

    scores: Tensor | None = None


@dataclass(frozen=True)
class Loss(Entry):
    """An objective: a frozen description that is called on a batch and gives a scalar."""

    search_space: ClassVar[dict[str, Space]] = {}
    """The loss's own options that a tuned arm varies; a study file may state another."""

    def needs(self) -> frozenset[Signal]:
        """The teacher's signals this loss cannot do without (may depend on its options)."""
        return frozenset()

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The mean loss of the batch, a scalar that carries gradients."""
        raise NotImplementedError

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        """Scalars worth watching besides the loss, by name."""
        return {}

    def teacher_scores(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The teacher's scores [B, 1+K], checked and without gradient.

        Raises:
            InputError: they are missing or do not fit the batch.
        """
        batch, negatives = student.negatives.shape[:2]
        return _checked(self.name, "scores", teacher.scores, (batch, 1 + negatives))


def _checked(loss: str, signal: str, value: Any, shape: tuple[int, ...]) -> Tensor:
    if value is None:
        raise InputError(f"{loss}: the teacher gives no {signal}; it needs {list(shape)}")
    if tuple(value.shape) != shape:
        raise InputError(
            f"{loss}: the teacher's {signal} must be {list(shape)}, not {list(value.shape)}"
        )
    return value.detach()
