"""The learning rate over a budget."""

import math
from dataclasses import dataclass
from typing import Literal

Decay = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class Schedule:
    """Warm-up and decay of a learning rate.

    Attributes:
        learning_rate: the largest.
        warmup: share of the budget over which it rises linearly from 0, in [0, 1).
        decay: what follows; ``linear`` and ``cosine`` reach 0 where the budget is used up.
    """

    learning_rate: float
    warmup: float
    decay: Decay

    def rate(self, share: float) -> float:
        """The learning rate of the step after which this share of the budget is used, in (0, 1]."""
        return self.learning_rate * factor(share, self.warmup, self.decay)


def factor(share: float, warmup: float, decay: Decay) -> float:
    """What the largest learning rate is multiplied with, in [0, 1]; arguments as of `Schedule`."""
    if share < warmup:
        return share / warmup
    if decay == "constant":
        return 1.0
    left = (1 - share) / (1 - warmup)
    return left if decay == "linear" else 0.5 * (1 - math.cos(math.pi * left))
