"""Names and differences within a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.formatting import Row, decimals, fixed, spanned

MOST_NAMES = 6

_BOUNDS = {"": "", "≥": "at least ", "≤": "at most "}


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; of many the first, and how many more."""
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def signed_between(value: float, low: float, high: float) -> str:
    """``+0.115 [+0.076, +0.154]``, without an interval where there is none."""
    places = decimals(value, low, high)
    lead, *bounds = (fixed(number, places, sign=True) for number in (value, low, high))
    return lead if math.isnan(low) else f"{lead} [{', '.join(bounds)}]"


def in_words(value: float, row: Row, bound: str) -> str:
    """``at most 0.21 [0.14, 0.33]``: a ratio with the interval that is shown of it, and over what
    that is where it is over seeds alone."""
    alone = " over seeds alone" if row["over"] == "seeds" else ""
    return f"{_BOUNDS[bound]}{spanned(value, row['shown low'], row['shown high'])}{alone}"
