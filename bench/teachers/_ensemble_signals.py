"""Several teachers' signals put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bench.losses.signals import Signal, Signals
from bench.storage.artifacts import Artifact
from bench.teachers.base import SignalSource
from bench.triples.stream import Triples


@dataclass(frozen=True)
class Member:
    """A member of which something is needed: its share of the scores, and what it is asked for."""

    share: float
    signals: frozenset[Signal]
    signal_source: SignalSource


@dataclass(frozen=True)
class EnsembleSignals:
    """The members' signals put together."""

    members: tuple[Member, ...]
    normalise: str

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Everything the members prepared, each once: the first mention knows if it was made."""
        found: dict[tuple[str, str], Artifact] = {}
        for member in self.members:
            for artifact in member.signal_source.artifacts:
                found.setdefault((artifact.kind, artifact.digest), artifact)
        return tuple(found.values())

    @property
    def width(self) -> int:
        embedding = {Signal.QUERIES, Signal.DOCUMENTS}
        widths = (one.signal_source.width for one in self.members if one.signals & embedding)
        return next(widths, 0)

    def signals(self, triples: Triples) -> Signals:
        # numpy: torch's threads belong to the step that runs meanwhile.
        found: dict[str, Any] = {}
        scores: list[np.ndarray] = []
        for member in self.members:
            given = member.signal_source.signals(triples)
            for signal in member.signals - {Signal.SCORES}:
                found[signal.name.lower()] = getattr(given, signal.name.lower())
            if Signal.SCORES in member.signals and given.scores is not None:
                # Equal float32 scores have no deviation left in float64.
                own = given.scores.numpy(force=True).astype(np.float64)
                scores.append(member.share * NORMALISED[self.normalise](own))
        if scores:
            found["scores"] = torch.from_numpy(np.sum(scores, axis=0).astype(np.float32))
        return Signals(**found)


def _standard(scores: np.ndarray) -> np.ndarray:
    centred = scores - scores.mean(axis=-1, keepdims=True)
    return _divide(centred, scores.std(axis=-1, keepdims=True))


def _min_max(scores: np.ndarray) -> np.ndarray:
    lowest = scores.min(axis=-1, keepdims=True)
    return _divide(scores - lowest, np.ptp(scores, axis=-1, keepdims=True))


def _divide(scores: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Zeros where the scale is 0, as it exactly is where all scores of a list are equal."""
    return np.where(scale == 0, 0.0, scores / np.where(scale == 0, 1.0, scale))


NORMALISED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda scores: scores,
    "standard": _standard,
    "min-max": _min_max,
}
