"""The base class of teachers, and what a prepared teacher gives to training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from bench.deprecation import renamed
from bench.losses.signals import Signal, Signals
from bench.registry import Entry

if TYPE_CHECKING:
    from bench.context import Context
    from bench.storage.artifacts import Artifact
    from bench.teachers._loaded_teacher import LoadedTeacher
    from bench.triples.stream import DrawPlan, Triples


class SignalSource(Protocol):
    """A prepared teacher: gives its signals for each batch, from stored values if possible."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifacts that were prepared; their bills are charged to the arm."""

    @property
    def width(self) -> int:
        """Width of the embeddings it gives; 0 if it gives none."""

    def signals(self, triples: Triples) -> Signals:
        """The signals that the loss needs for a batch, on the CPU.

        It is called in a second thread while training runs.
        """


@dataclass(frozen=True)
class Teacher(Entry):
    """A description of what gives signals beyond labels, which prepares them."""

    ranks: ClassVar[bool] = False
    """Whether it can rank by itself, and so have a reference row (then `reference` is defined)."""

    def provides(self) -> frozenset[Signal]:
        """The signals this teacher can give."""
        raise NotImplementedError

    def largest_score(self) -> float:
        """An upper bound of its scores' absolute values; infinite if there is none."""
        return math.inf

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        """Make, or find, the artifacts for the needed signals, and no others.

        Args:
            needs: the signals that the loss asks for.
            plan: the triples that the run will draw.
        """
        raise NotImplementedError

    def models(self) -> list[str]:
        """The names of all models it is made of, so that missing ones are found early."""
        return []

    def check(self) -> None:
        """Check its models and options without loading weights.

        Raises:
            InputError: a model cannot be used for this kind of teacher.
        """

    def check_weights(self) -> None:
        """Check that the files of its models hold all their weights.

        Raises:
            InputError: they do not.
        """

    def notes(self) -> list[str]:
        """How its options differ from what its models say of themselves, one line each."""
        return []

    def weights(self) -> str:
        """A digest of the teacher's weights, which is part of a run's id."""
        raise NotImplementedError

    def reference(self, context: Context) -> LoadedTeacher:
        """The model to measure for the teacher's reference row, fine-tuned if the teacher is."""
        raise NotImplementedError

    def unpriced(self) -> str | None:
        """Costs of making this teacher that no bill covers, in words; reports list them."""
        return None


__getattr__ = renamed(__name__, {"Teaching": SignalSource})
