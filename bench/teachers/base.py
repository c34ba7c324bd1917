"""What every teacher must say and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.losses.signals import Signal, Signals
from bench.registry import Entry

if TYPE_CHECKING:
    from bench.artifacts import Artifact
    from bench.lab import Lab
    from bench.samplers.base import Demand, Triples
    from bench.students.base import Student


class Teaching(Protocol):
    """A prepared teacher: its signals for a batch, looked up and not computed in the loop."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What had to be prepared, with its bills."""

    @property
    def width(self) -> int:
        """d of the embeddings it gives; 0 where it gives none."""

    def signals(self, triples: Triples) -> Signals: ...


@dataclass(frozen=True)
class Teacher(Entry):
    """Whatever gives a signal beyond labels: a frozen description that prepares it."""

    def provides(self) -> frozenset[Signal]:
        """The signals this teacher can give."""
        raise NotImplementedError

    def prepare(self, needs: frozenset[Signal], demand: Demand, lab: Lab) -> Teaching:
        """Make (or find) what the needed signals are looked up from, and nothing else."""
        raise NotImplementedError

    def weights(self) -> str:
        """A digest of the teacher's weights, part of a run's id."""
        raise NotImplementedError

    def retriever(self) -> Student | None:
        """The teacher as something that can search by itself, for its reference row."""
        return None

    def unpriced(self) -> str | None:
        """What of the teacher's own making nobody is charged for, to be listed as such."""
        return None
