"""A loss, with an option that its second release added."""

from dataclasses import dataclass
from typing import Annotated

from bench import losses
from bench.identity import Since
from bench.losses import Embeddings, Loss, Signal, Signals
from bench.spaces import Float


@losses.register("toy-margin")
@dataclass(frozen=True)
class ToyMargin(Loss):
    """mean (scale · (t(q,p) − t(q,n)) − (s(q,p) − s(q,n)))² + shift. Source: a test."""

    scale: float = 1.0
    shift: Annotated[float, Since("2.0", before=0.0)] = 0.0

    search_space = {"scale": Float(0.5, 2.0)}

    def needs(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})

    def __call__(self, student: Embeddings, teacher: Signals):
        ours, theirs = student.comparable().scores(), self.teacher_scores(student, teacher)
        differences = self.scale * (theirs[:, :1] - theirs[:, 1:]) - (ours[:, :1] - ours[:, 1:])
        return (differences**2).mean() + self.shift
