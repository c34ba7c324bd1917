"""Names and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

NOTHING = "–"

Row = Mapping[Any, Any]
"""A row of a table, by column."""


def plain(text: object) -> str:
    """One line without control characters: names come from files and may hold anything."""
    kept = (one for one in str(text) if one.isprintable() or one.isspace())
    return " ".join("".join(kept).split())


def places(value: float, low: float, high: float) -> int | None:
    """Decimals that an interval leaves its value and its bounds; negative ones are tens, hundreds.

    The rule of the Particle Data Group (Review of Particle Physics, Introduction, 5.3): by its
    three highest digits the half-width keeps two digits (100 to 354), one (355 to 949), or is
    rounded up to 1000 and keeps two (950 to 999). Where the sides differ, the narrower one counts.
    `None` where there is no interval, or it has no width.
    """
    noise = max(1e-9 * abs(value), 1e-12)  # means of equal numbers differ in the last bits
    sides = [side for side in (value - low, high - value) if noise < side < math.inf]
    if not sides:
        return None
    digits, exponent = f"{min(sides):.2e}".split("e")
    return (1 if float(digits) < 3.55 else 0) - int(exponent)


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """``1,230``, ``−0.01``; with a sign ``+0.01``. What rounds to 0 has none."""
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = round(value, decimals) if decimals < 0 else value
    text = f"{abs(rounded):,.{max(decimals, 0)}f}"
    if not text.strip("0."):
        return text
    return ("−" if value < 0 else "+" if sign else "") + text


def measure(value: float) -> str:
    """Three decimals: a measure without an interval."""
    return fixed(value, 3)


def signed(value: float, digits: int = 3) -> str:
    """``+0.012``, ``−0.012``."""
    return fixed(value, digits, sign=True)


def spread(row: Row, column: str, mark: str = "") -> str:
    """``0.512 ± 0.013``; the range ``0.512 [0.501, 0.523]`` where there is no interval.

    The mark stands behind the mean.
    """
    least, most = (row.get(f"{column} {end}", math.nan) for end in ("least", "most"))
    half = plus_minus(row, column)
    if not half and least < most:
        half = f" [{measure(least)}, {measure(most)}]"
    return mean(row, column) + mark + half


def mean(row: Row, column: str) -> str:
    """The mean of a measure alone, at what its interval leaves of it."""
    return fixed(row[column], decimals(*_interval(row, column)))


def change(row: Row, column: str) -> str:
    """``+0.012 ± 0.020``, without the interval where there is none."""
    value = fixed(row[column], decimals(*_interval(row, column)), sign=True)
    return value + plus_minus(row, column)


def difference(row: Row, column: str) -> str:
    """A measure's `change` from the baseline's."""
    return change(row, f"{column} difference")


def plus_minus(row: Row, column: str) -> str:
    """`` ± 0.013``, half the width of a measure's interval; empty where it has none."""
    value, low, high = _interval(row, column)
    half = (high - low) / 2
    return "" if math.isnan(half) else f" ± {fixed(half, decimals(value, low, high))}"


def _interval(row: Row, column: str) -> tuple[float, float, float]:
    low, high = (row.get(f"{column} {end}", math.nan) for end in ("low", "high"))
    return row[column], low, high


def decimals(value: float, low: float, high: float) -> int:
    """Those of a measure and its interval: two to four, three where there is no interval."""
    deserved = places(value, low, high)
    return 3 if deserved is None else min(max(deserved, 2), 4)


def p_value(value: float) -> str:
    if math.isnan(value):
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def named(arm: object) -> str:
    """An arm within a sentence: in quotation marks where its name has commas or spaces."""
    name = plain(arm)
    return f"“{name}”" if " " in name or "," in name else name


def arm_name(row: Row) -> str:
    """The arm of a row, and whether it is the baseline."""
    return plain(row["arm"]) + (" (baseline)" if row.get("baseline") else "")


def seconds(value: float) -> str:
    """Seconds at a precision that their size deserves; nothing at all is ``0``."""
    return fixed(value, 2 if 0 < abs(value) < 9.995 else 0)


def count(value: float) -> str:
    return fixed(value, 0)


def amount(value: float) -> str:
    """Three digits with a prefix of the SI: ``22.7 M``."""
    if not math.isfinite(value):
        return fixed(value, 0)
    rounded = float(f"{value:.3g}")
    thousands = max((power for power in range(1, 5) if rounded >= 1000**power), default=0)
    return f"{rounded / 1000**thousands:.3g} {' kMGT'[thousands]}".rstrip()


def percent(value: float) -> str:
    """The number alone: ``93.1``."""
    return fixed(100 * value, 1)


def ratio(value: float) -> str:
    """Three digits, however small: ``0.0412``."""
    if not math.isfinite(value) or abs(value) >= 1000:
        return fixed(value, 0)
    return f"{value:.3g}".replace("-", "−")


def bounds(row: Row, over: str) -> str:
    """The interval of a share over seeds or over queries, in percent: ``[90.2, 96.0]``."""
    low, high = row[f"{over} low"], row[f"{over} high"]
    return NOTHING if math.isnan(low) else f"[{percent(low)}, {percent(high)}]"


def spanned(
    value: float,
    low: float,
    high: float,
    bound: str = "",
    alone: Callable[[float], str] = ratio,
    most: int = 12,
) -> str:
    """A positive number with its interval and what it is a bound of: ``≥ 3.2 [2.1, 4.9]``.

    Args:
        alone: how the number is written where no interval says how many digits it deserves.
        most: decimals; an interval narrower than these is not shown.
    """
    if math.isnan(value):
        return NOTHING
    deserved = places(value, low, high)
    if deserved is None:
        shown, *ends = (alone(one) for one in (value, low, high))
    else:
        first = -int(f"{value:.0e}".partition("e")[2])  # what is more than nothing is not 0
        kept = min(max(deserved, first), most)
        shown, *ends = (fixed(one, kept) for one in (value, low, high))
        if ends[0] == ends[1]:
            return f"{bound} {alone(value)}".lstrip()
    between = "" if math.isnan(low) else f" [{', '.join(ends)}]"
    return f"{bound} {shown}{between}".lstrip()


def percents(value: float, low: float, high: float, bound: str = "") -> str:
    """A share with its interval, in percent: ``87 [83, 93]``."""

    def alone(share: float) -> str:
        return fixed(share, 1)

    return spanned(100 * value, 100 * low, 100 * high, bound, alone, most=1)


def seeds(planned: int, done: int, failed: int) -> str:
    """``3/3``, or ``2/3 (1 failed)``."""
    return f"{done}/{planned}" + (f" ({failed} failed)" if failed else "")


def trials(number: int, pruned: int, failed: int) -> str:
    """``10``, or ``10 (2 pruned, 1 failed)``."""
    counts = {"pruned": pruned, "failed": failed}
    listed = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{number}" + (f" ({listed})" if listed else "")


def options_text(options: Row) -> str:
    """``learning_rate=2.82e-05, margin=0.3``; options that an arm does not have are left out."""
    return ", ".join(
        f"{name.rpartition('.')[2]}={_option(value)}"
        for name, value in options.items()
        if not (isinstance(value, float) and math.isnan(value))
    )


def _option(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if abs(value) < 1e6 and value == round(value) else f"{value:.3g}"
