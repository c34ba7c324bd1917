"""The base class of samplers."""

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
    """Whether every positive is judged relevant."""

    def teachers(self) -> list[Teacher]:
        """The teachers that it draws with, so that wrong ones are found early.

        Raises:
            InputError: there is no such teacher, or it cannot do what the sampler needs.
        """
        return []

    def models(self) -> list[str]:
        """The names of all models that it needs, those of its teachers included."""
        return [model for teacher in self.teachers() for model in teacher.models()]

    def prepare(self, context: Context) -> TripleStream:
        """The stream of triples; makes, or finds, the artifacts that drawing needs."""
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
