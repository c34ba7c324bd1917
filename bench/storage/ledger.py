"""Bills: the cost of an artifact, or of a part of a run.

Seconds are wall-clock seconds of a machine that does nothing else. Artifacts keep the bill of when
they were made; an arm that reuses one is charged as if it had made it alone (cold), while the
clock of what it really spent says ``reused``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bench.storage.artifact_name import ArtifactName
from bench.storage.clocks import ARTIFACT_PHASES, CLOCKS, PHASES, TRIAL_PHASES


@dataclass(frozen=True)
class Bill:
    """One cost.

    Attributes:
        phase: one of `bench.storage.clocks.PHASES`.
        what: the artifact's name, or the part of the run.
        seconds: wall-clock seconds.
        examples: triples drawn, or for which something was scored.
        texts: texts encoded.
        tokens: tokens in them, padding aside.
        flops: floating-point operations, estimated (`bench.encoding.flops`).
        device: where.
        reused: whether an earlier run made it, at this cost.
    """

    phase: str
    what: str
    seconds: float = 0.0
    examples: int = 0
    texts: int = 0
    tokens: int = 0
    flops: float = 0.0
    device: str = "cpu"
    reused: bool = False

    @property
    def artifact(self) -> ArtifactName | None:
        """Whose cost it is; `None` for a run's own."""
        return ArtifactName.parse(self.what) if self.phase in (*ARTIFACT_PHASES, "read") else None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Bill:
        """The inverse of `record`; other columns of the row are left out."""
        return cls(**{field.name: row[field.name] for field in fields(cls) if field.name in row})

    def as_reused(self) -> Bill:
        return replace(self, reused=True)

    def record(self) -> dict[str, Any]:
        return asdict(self)


class PhaseTimer:
    """Seconds by phase: ``with timer("evaluate"): …``; one phase runs at a time."""

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self._seconds = dict(seconds or {})
        self._running: tuple[str, float] | None = None

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Charge the block to ``phase``, also when it fails."""
        self._running = (phase, time.perf_counter())
        try:
            yield
        finally:
            self._seconds[phase] = self.read(phase)
            self._running = None

    def read(self, phase: str) -> float:
        """Seconds of a phase so far, the running block included."""
        seconds = self._seconds.get(phase, 0.0)
        if self._running is not None and self._running[0] == phase:
            seconds += time.perf_counter() - self._running[1]
        return seconds

    def add(self, phase: str, seconds: float) -> None:
        self._seconds[phase] = self._seconds.get(phase, 0.0) + seconds

    def all(self) -> dict[str, float]:
        """Every phase's seconds, the running one included."""
        phases = list(self._seconds)
        if self._running is not None and self._running[0] not in phases:
            phases.append(self._running[0])
        return {phase: self.read(phase) for phase in phases}


def total(bills: Iterable[Bill], *phases: str) -> float:
    """Seconds of the bills of these phases."""
    return sum(bill.seconds for bill in bills if bill.phase in phases)


def due_part(bill: Bill, examples: int) -> Bill:
    """What is due of a bill after so many examples: of scoring, those of the examples consumed.

    A run that ends before its budget owes less than its artifact cost; whoever takes the rest up,
    or nobody, pays for it.
    """
    if not (bill.phase in ARTIFACT_PHASES and PHASES[bill.phase].by_example):
        return bill
    if bill.examples <= examples:
        return bill
    share = examples / bill.examples
    return replace(
        bill,
        seconds=share * bill.seconds,
        examples=examples,
        texts=round(share * bill.texts),
        tokens=round(share * bill.tokens),
        flops=share * bill.flops,
    )


def charge(bills: Iterable[Bill], clock: str) -> float:
    """Seconds that a clock charges for a run with these bills, whether or not its artifacts were
    reused; without trials (`tuning_seconds`)."""
    return total(bills, *CLOCKS[clock].phases)


def tuning_seconds(own: Iterable[Bill], trials: Iterable[Iterable[Bill]]) -> float:
    """What tuning adds to the bill of a run: the trials, those that failed too, their dev
    evaluations, and the artifacts that they needed and the run does not, each once.

    Args:
        own: the run's bills.
        trials: each trial's.
    """
    seconds, known = 0.0, {bill.artifact for bill in own if bill.phase in ARTIFACT_PHASES}
    for bills in trials:
        for bill in bills:
            if bill.phase in TRIAL_PHASES:
                seconds += bill.seconds
            elif bill.phase in ARTIFACT_PHASES and bill.artifact not in known:
                known.add(bill.artifact)
                seconds += bill.seconds
    return seconds
