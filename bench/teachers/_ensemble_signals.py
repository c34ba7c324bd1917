"""Combines the signals of several teachers."""

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
    """A teacher of an ensemble, with its share of the mean score and the signals it must give."""

    share: float
    signals: frozenset[Signal]
    signal_source: SignalSource


@dataclass(frozen=True)
class EnsembleSignals:
    """The members' signals combined.

    Attributes:
        normalise: a key of `NORMALISED`.
    """

    members: tuple[Member, ...]
    normalise: str

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All members' artifacts, each once.

        Of equal ones the first is kept: it says whether the artifact was made or reused.
        """
        artifacts: dict[tuple[str, str], Artifact] = {}
        for member in self.members:
            for artifact in member.signal_source.artifacts:
                artifacts.setdefault((artifact.kind, artifact.digest), artifact)
        return tuple(artifacts.values())

    @property
    def width(self) -> int:
        embedding = {Signal.QUERIES, Signal.DOCUMENTS}
        widths = (one.signal_source.width for one in self.members if one.signals & embedding)
        return next(widths, 0)

    def signals(self, triples: Triples) -> Signals:
        # numpy, because a training step is using torch's threads at the same time.
        combined: dict[str, Any] = {}
        scores: list[np.ndarray] = []
        for member in self.members:
            given = member.signal_source.signals(triples)
            for signal in member.signals - {Signal.SCORES}:
                combined[signal.name.lower()] = getattr(given, signal.name.lower())
            if Signal.SCORES in member.signals and given.scores is not None:
                # In float64, equal float32 scores have a deviation of exactly 0.
                own = given.scores.numpy(force=True).astype(np.float64)
                scores.append(member.share * NORMALISED[self.normalise](own))
        if scores:
            combined["scores"] = torch.from_numpy(np.sum(scores, axis=0).astype(np.float32))
        return Signals(**combined)


def _standard(scores: np.ndarray) -> np.ndarray:
    centred = scores - scores.mean(axis=-1, keepdims=True)
    return _divide(centred, scores.std(axis=-1, keepdims=True))


def _min_max(scores: np.ndarray) -> np.ndarray:
    lowest = scores.min(axis=-1, keepdims=True)
    return _divide(scores - lowest, np.ptp(scores, axis=-1, keepdims=True))


def _divide(scores: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """scores / scale; 0 where the scale is 0, which it is exactly if all scores of a list agree."""
    return np.where(scale == 0, 0.0, scores / np.where(scale == 0, 1.0, scale))


NORMALISED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda scores: scores,
    "standard": _standard,
    "min-max": _min_max,
}
