"""What the losses of a teacher's scores share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.losses.base import Loss
from bench.losses.signals import Signal, Similarity


@dataclass(frozen=True)
class TeacherScores(Loss):
    """A loss of the teacher's scores of each triple's documents; judgements play no part."""

    family = "teacher scores"
    labels = False

    def needs(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})


def reach(scale: float, similarity: Similarity) -> float:
    """The largest of ``scale`` times the student's scores."""
    return scale if similarity == "cosine" else math.inf
