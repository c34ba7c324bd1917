"""The learning rate over a run."""

import math
from typing import Literal


def factor(share: float, warmup: float, schedule: Literal["constant", "linear", "cosine"]) -> float:
    """What the learning rate is multiplied with.

    Args:
        share: how much of the budget is used once this step is done, 0 < share ≤ 1.
        warmup: share of the budget over which the factor rises linearly to 1.
        schedule: what follows: 1, or a decay that reaches 0 at share 1.
    """
    if share < warmup:
        return share / warmup
    if schedule == "constant":
        return 1.0
    left = (1 - share) / (1 - warmup)
    return left if schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))
