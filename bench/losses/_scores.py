"""Shared by losses of a teacher's scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.losses.base import Loss
from bench.losses.signals import Signal, Similarity


@dataclass(frozen=True)
class TeacherScores(Loss):
    """A loss of the teacher's scores of each triple's documents; it uses no judgements."""

    family = "teacher scores"
    labels = False

    def needs(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})


def reach(scale: float, similarity: Similarity) -> float:
    """The largest value that ``scale`` · the student's score can have."""
    return scale if similarity == "cosine" else math.inf
