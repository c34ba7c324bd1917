"""The base class of losses, which checks the teacher's signals."""

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
    """A loss that is ready for training: a `Loss`, or a module if it has learned parameters."""

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor: ...

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class Loss(Entry):
    """An objective: called on a batch, it returns a scalar."""

    family: ClassVar[str] = "other"
    """The heading under which it is listed."""

    search_space: ClassVar[dict[str, Space]] = {}
    """The options that tuning varies by default; a study file may state another space."""

    only_similarity: ClassVar[Similarity | None] = None
    """The one similarity that this loss works with; `None` for any."""

    labels: ClassVar[bool] = True
    """Whether its positives must be judged relevant."""

    def needs(self) -> frozenset[Signal]:
        """The teacher's signals that this loss requires (may depend on its options)."""
        return frozenset()

    def needs_labels(self) -> bool:
        """Whether its positives must be judged relevant; if not, any documents will do."""
        return self.labels

    def contrasts_batch(self) -> bool:
        """Whether other queries' positives serve as negatives, even if they are judged relevant."""
        return False

    def reach(self, similarity: Similarity) -> float:
        """The largest teacher's score that the student's score can equal.

        Infinite if the loss does not compare the two on the same scale.
        """
        return math.inf

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The mean loss of the batch, a scalar that carries gradients."""
        raise NotImplementedError

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        """Further scalars to log, by name."""
        return {}

    def build(self, student_width: int, teacher_width: int) -> Objective:
        """The objective to train with: this loss, or a module if it needs learned parameters.

        Args:
            student_width: d of the student's embeddings.
            teacher_width: d of the teacher's; 0 if it gives none.
        """
        return self

    def space(self) -> dict[str, Space]:
        """The options that tuning varies if the study file does not say."""
        return dict(self.search_space)

    def vary(self, values: Mapping[str, Any]) -> Loss:
        """This loss with other values of its options, named as in `space`.

        Raises:
            InputError: there is no such option, or it does not allow the value.
        """
        return self.with_options(**values)

    def check_similarity(self, similarity: Similarity) -> None:
        """Raise `InputError` if the loss is not defined for the student's similarity."""
        if self.only_similarity not in (None, similarity):
            raise InputError(
                f"{self.name}: it is defined on {self.only_similarity} similarities and the "
                f"student's is {similarity!r}; choose one with "
                f"similarity = {self.only_similarity!r}"
            )

    @classmethod
    def facts(cls) -> dict[str, Any]:
        """Family and source; and, if all options have defaults, what it needs with these and
        whether it has no options to tune."""
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
            InputError: they are missing, or their shape does not fit the batch.
        """
        batch, count = student.negatives.shape[:2]
        return self._take(Signal.SCORES, teacher, (batch, 1 + count))

    def teacher_in_batch(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The teacher's in-batch scores [B, B, 1+K], checked as in `teacher_scores`."""
        batch, count = student.negatives.shape[:2]
        return self._take(Signal.IN_BATCH, teacher, (batch, batch, 1 + count))

    def teacher_queries(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The teacher's query embeddings [B, d], checked as in `teacher_scores`.

        d is the teacher's width. [B, 1+K, d] from a teacher that reads a query together with each
        document.
        """
        batch, count = student.negatives.shape[:2]
        if teacher.queries is not None and len(teacher.queries.shape) == 3:
            return self._take(Signal.QUERIES, teacher, (batch, 1 + count, None))
        return self._take(Signal.QUERIES, teacher, (batch, None))

    def teacher_documents(self, student: Embeddings, teacher: Signals) -> Tensor:
        """The teacher's document embeddings [B, 1+K, d], checked as in `teacher_scores`.

        d is the teacher's width.
        """
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
    """The text after ``Source:`` in the docstring, up to a semicolon, or the paragraph's end."""
    _, _, rest = (inspect.getdoc(cls) or "").partition("Source:")
    paragraph = rest.split("\n\n")[0].split("Departs:")[0]
    return " ".join(paragraph.split()).split(";")[0].rstrip(".")
