"""The teacher of losses that need none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import teachers
from bench.losses.signals import Signal, Signals
from bench.teachers.base import SignalSource, Teacher

if TYPE_CHECKING:
    from bench.context import Context
    from bench.storage.artifacts import Artifact
    from bench.triples.stream import DrawPlan, Triples


@teachers.register("none", version=1)
@dataclass(frozen=True)
class NoTeacher(Teacher):
    """No teacher: labels alone, or self-distillation."""

    def provides(self) -> frozenset[Signal]:
        return frozenset()

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        return NoSignals()

    def weights(self) -> str:
        return ""


class NoSignals:
    """A source that gives no signal."""

    artifacts: tuple[Artifact, ...] = ()
    width = 0

    def signals(self, triples: Triples) -> Signals:
        return Signals()
