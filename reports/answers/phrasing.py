"""Names and differences within a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.wording import signed

MOST_NAMES = 6


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; of many the first, and how many more."""
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def signed_between(value: float, low: float, high: float) -> str:
    """``+0.115 [+0.076, +0.154]``, without an interval where there is none."""
    return signed(value) + ("" if math.isnan(low) else f" [{signed(low)}, {signed(high)}]")
