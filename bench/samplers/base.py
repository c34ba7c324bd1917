"""What every sampler must say and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

from bench.deprecation import renamed
from bench.registry import Entry
from bench.triples import epochs, stream

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers.base import Teacher
    from bench.triples.stream import TripleStream


@dataclass(frozen=True)
class Sampler(Entry):
    """How batches of triples are drawn.

    Attributes:
        negatives: K, the negatives of each triple.
    """

    negatives: Annotated[int, Ge(1)] = 1

    labelled: ClassVar[bool] = True
    """Whether a positive is one because it was judged so."""

    def teachers(self) -> list[Teacher]:
        """What it draws by, so that one that cannot be is found before anything is written.

        Raises:
            InputError: a teacher that is none, or cannot do what is asked of it.
        """
        return []

    def models(self) -> list[str]:
        """Every model that it needs, those of its teachers included."""
        return [model for teacher in self.teachers() for model in teacher.models()]

    def prepare(self, context: Context) -> TripleStream:
        """Make (or find) what drawing needs."""
        raise NotImplementedError


__getattr__ = renamed(
    __name__,
    {
        "Draws": stream.TripleStream,
        "Demand": stream.DrawPlan,
        "Triples": stream.Triples,
        "Epochs": epochs.Epochs,
    },
)
