"""What every teacher must say and give."""

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
    from bench.teachers._loaded import LoadedTeacher
    from bench.triples.stream import DrawPlan, Triples


class SignalSource(Protocol):
    """A prepared teacher: its signals for a batch, looked up and not computed in the loop."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What had to be prepared, with its bills."""

    @property
    def width(self) -> int:
        """d of the embeddings it gives; 0 where it gives none."""

    def signals(self, triples: Triples) -> Signals:
        """What the loss needs of a batch, on the CPU; called from a thread beside the training."""


@dataclass(frozen=True)
class Teacher(Entry):
    """Whatever gives a signal beyond labels: a frozen description that prepares it."""

    ranks: ClassVar[bool] = False
    """Whether it can be measured by itself, as `reference`."""

    def provides(self) -> frozenset[Signal]:
        """The signals this teacher can give."""
        raise NotImplementedError

    def largest_score(self) -> float:
        """A bound of its scores' absolute values; infinite where there is none."""
        return math.inf

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        """Make (or find) what the needed signals are looked up from, and nothing else."""
        raise NotImplementedError

    def models(self) -> list[str]:
        """Every model it is made of, so that a missing one is found before anything is written."""
        return []

    def check(self) -> None:
        """That its models can be, as far as that is seen without any weights.

        Raises:
            InputError: a model that is none of the kind.
        """

    def check_weights(self) -> None:
        """That the files of its models hold their weights.

        Raises:
            InputError: they do not.
        """

    def notes(self) -> list[str]:
        """Where it reads its models otherwise than they say themselves, a line each."""
        return []

    def weights(self) -> str:
        """A digest of the teacher's weights, part of a run's id."""
        raise NotImplementedError

    def reference(self, context: Context) -> LoadedTeacher:
        """The model to measure for the teacher's reference row, fine-tuned where it is."""
        raise NotImplementedError

    def unpriced(self) -> str | None:
        """What of the teacher's own making nobody is charged for, to be listed as such."""
        return None


__getattr__ = renamed(__name__, {"Teaching": SignalSource})
