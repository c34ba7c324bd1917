"""The base of every teacher, and of its signals."""

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
        """The artifacts that were prepared, with their bills."""

    @property
    def width(self) -> int:
        """d of the embeddings it gives; 0 where it gives none."""

    def signals(self, triples: Triples) -> Signals:
        """The signals that the loss needs of a batch, on the CPU; called from its own thread."""


@dataclass(frozen=True)
class Teacher(Entry):
    """A source of signals beyond labels: a frozen description that prepares them."""

    ranks: ClassVar[bool] = False
    """Whether it can be measured by itself, as `reference`."""

    def provides(self) -> frozenset[Signal]:
        """The signals this teacher can give."""
        raise NotImplementedError

    def largest_score(self) -> float:
        """A bound of its scores' absolute values; infinite where there is none."""
        return math.inf

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        """Make or find the artifacts of the needed signals, and no others."""
        raise NotImplementedError

    def models(self) -> list[str]:
        """Every model it uses, so that a missing one is found before anything is written."""
        return []

    def check(self) -> None:
        """Check its models, without reading weights.

        Raises:
            InputError: a model that is none of the kind.
        """

    def check_weights(self) -> None:
        """Check that the files of its models hold their weights.

        Raises:
            InputError: they do not.
        """

    def notes(self) -> list[str]:
        """Where it reads its models differently than their folders say, a line each."""
        return []

    def weights(self) -> str:
        """A digest of the teacher's weights, part of a run's id."""
        raise NotImplementedError

    def reference(self, context: Context) -> LoadedTeacher:
        """The model that the teacher's reference row measures, fine-tuned if the teacher is."""
        raise NotImplementedError

    def unpriced(self) -> str | None:
        """The costs of making the teacher that are on no bill, in words; the report lists them."""
        return None


__getattr__ = renamed(__name__, {"Teaching": SignalSource})
