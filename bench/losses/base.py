"""What every loss is given, and what it must say of itself.

Nothing here imports torch when it is loaded, so that studies can be planned and losses listed on a
machine without it; the maths runs on tensors' own methods.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from bench.errors import InputError
from bench.registry import Entry
from bench.spaces import Space

if TYPE_CHECKING:
    from torch import Tensor

Similarity = Literal["cosine", "dot"]


class Signal(StrEnum):
    """What a teacher can give beyond labels; `Signals` holds each under its name in lower case."""

    SCORES = "scores"
    """The teacher's score of the positive and of every negative: [B, 1+K], in its own units."""

    IN_BATCH = "in-batch scores"
    """Its score of every query of the batch against every document: [B, B, 1+K]."""

    QUERIES = "query embeddings"
    """[B, d] of the teacher's own width; a dot product is its similarity."""

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

    @property
    def documents(self) -> Tensor:
        """Positive and negatives of every triple: [B, 1+K, d]."""
        import torch

        return torch.cat([self.positives.unsqueeze(1), self.negatives], dim=1)

    def comparable(self) -> Embeddings:
        """The same such that a dot product is the student's similarity."""
        if self.similarity == "dot":
            return self
        return Embeddings(unit(self.queries), unit(self.positives), unit(self.negatives), "dot")

    def scores(self) -> Tensor:
        """s(q, p) and s(q, n_k) of every triple: [B, 1+K]."""
        student = self.comparable()
        return (student.queries.unsqueeze(1) * student.documents).sum(-1)

    def in_batch(self) -> Tensor:
        """s of every query i with the positive and the negatives of every triple j: [B, B, 1+K]."""
        student = self.comparable()
        batch, width = student.queries.shape
        scores = student.queries @ student.documents.reshape(-1, width).T
        return scores.view(batch, batch, -1)


def unit(vectors: Tensor) -> Tensor:
    """Vectors at length 1 along the last axis; a zero vector stays zero."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)


@dataclass(frozen=True)
class Signals:
    """The teacher's signals for the same batch; `None` where the loss did not ask.

    Attributes:
        scores: [B, 1+K], the positive first, in the teacher's units.
        in_batch: [B, B, 1+K]; entry (i,j) is query i with the positive and negatives of triple j.
        queries: the teacher's embeddings [B, d] of the queries; d may differ from the student's.
        documents: the same of positive and negatives, [B, 1+K, d].
    """

    scores: Tensor | None = None
    in_batch: Tensor | None = None
    queries: Tensor | None = None
    documents: Tensor | None = None


class Objective(Protocol):
    """A loss ready to train with: itself, or a module where it has parameters of its own."""

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor: ...

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class Loss(Entry):
    """An objective: a frozen description that is called on a batch and gives a scalar."""

    family: ClassVar[str] = "other"
    """Under which heading it is listed."""

    search_space: ClassVar[dict[str, Space]] = {}
    """The loss's own options that a tuned arm varies; a study file may state another."""

    only_similarity: ClassVar[Similarity | None] = None
    """The one similarity this loss works with, where it does not take any."""

    def needs(self) -> frozenset[Signal]:
        """The teacher's signals this loss cannot do without (may depend on its options)."""
        return frozenset()

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The mean loss of the batch, a scalar that carries gradients."""
        raise NotImplementedError

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        """Scalars worth watching besides the loss, by name."""
        return {}

    def build(self, student_width: int, teacher_width: int) -> Objective:
        """What trains: this loss, or a module that adds parameters of its own.

        Args:
            student_width: d of the student's embeddings.
            teacher_width: d of the teacher's; 0 where it gives none.
        """
        return self

    def space(self) -> dict[str, Space]:
        """What a tuned arm varies where its study file does not say."""
        return dict(self.search_space)

    def vary(self, values: Mapping[str, Any]) -> Loss:
        """This loss with other values of its options, named as in `space`.

        Raises:
            InputError: no such option, or a value it does not allow.
        """
        from bench import losses

        return losses.create(self, **values)

    def check_similarity(self, similarity: Similarity) -> None:
        """Raise `InputError` where the loss has no meaning under the student's similarity."""
        if self.only_similarity not in (None, similarity):
            raise InputError(
                f"{self.name}: it is defined on {self.only_similarity} similarities and the "
                f"student's is {similarity!r}; choose one with "
                f"similarity = {self.only_similarity!r}"
            )

    @classmethod
    def facts(cls) -> dict[str, Any]:
        """Family, source, and with its defaults: needs, and whether a tuned arm varies nothing."""
        example = cls() if all(field.default is not MISSING for field in fields(cls)) else None
        return {
            "family": cls.family,
            "needs": sorted(example.needs()) if example else None,
            "parameter_free": example is not None and not example.space(),
            "source": _source(cls),
        }

    def teacher_scores(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The teacher's scores [B, 1+K], checked and without gradient.

        Raises:
            InputError: they are missing or do not fit the batch.
        """
        batch, count = student.negatives.shape[:2]
        return self._take(Signal.SCORES, teacher, (batch, 1 + count))

    def teacher_in_batch(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The same of its in-batch scores [B, B, 1+K]."""
        batch, count = student.negatives.shape[:2]
        return self._take(Signal.IN_BATCH, teacher, (batch, batch, 1 + count))

    def teacher_queries(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The same of its query embeddings [B, d], d its own width."""
        return self._take(Signal.QUERIES, teacher, (len(student.queries), None))

    def teacher_documents(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The same of its document embeddings [B, 1+K, d], d its own width."""
        batch, count = student.negatives.shape[:2]
        return self._take(Signal.DOCUMENTS, teacher, (batch, 1 + count, None))

    def _take(self, signal: Signal, teacher: Signals, shape: tuple[int | None, ...]) -> Tensor:
        value = getattr(teacher, signal.name.lower())
        wanted = f"[{', '.join('d' if size is None else str(size) for size in shape)}]"
        if value is None:
            raise InputError(f"{self.name}: the teacher gives no {signal}; it needs {wanted}")
        fits = len(value.shape) == len(shape) and all(
            want in (None, have) for want, have in zip(shape, value.shape, strict=True)
        )
        if not fits:
            raise InputError(
                f"{self.name}: the teacher's {signal} must be {wanted}, not {list(value.shape)}"
            )
        return value.detach()


def _source(cls: type) -> str:
    """What the docstring says after ``Source:``, up to the end of its first clause."""
    _, _, rest = (inspect.getdoc(cls) or "").partition("Source:")
    paragraph = rest.split("\n\n")[0].split("Departs:")[0]
    return " ".join(paragraph.split()).split(";")[0].rstrip(".")
