"""What every loss must say of itself, and how it takes a teacher's signals."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from bench.errors import InputError
from bench.losses.signals import Embeddings, Signal, Signals, Similarity
from bench.registry import Entry
from bench.spaces import Space

if TYPE_CHECKING:
    from torch import Tensor


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

    labels: ClassVar[bool] = True
    """Whether it takes the positive for relevant because a judgement says so."""

    def needs(self) -> frozenset[Signal]:
        """The teacher's signals this loss cannot do without (may depend on its options)."""
        return frozenset()

    def needs_labels(self) -> bool:
        """Whether its positives must be judged; otherwise any documents do."""
        return self.labels

    def contrasts_batch(self) -> bool:
        """Whether the other queries' positives are a query's negatives, whatever is judged."""
        return False

    def reach(self, similarity: Similarity) -> float:
        """The largest teacher's score that the student can follow, where the loss compares the two
        on one scale; infinite otherwise."""
        return math.inf

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
        return self.with_options(**values)

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
        """The same of its query embeddings, d its own width: [B, d].

        [B, 1+K, d] from a teacher that reads a query together with each document.
        """
        batch, count = student.negatives.shape[:2]
        if teacher.queries is not None and len(teacher.queries.shape) == 3:
            return self._take(Signal.QUERIES, teacher, (batch, 1 + count, None))
        return self._take(Signal.QUERIES, teacher, (batch, None))

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
