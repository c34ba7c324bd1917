"""Names and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

NOTHING = "–"

Row = Mapping[Any, Any]
"""A row of a table, by column."""


def plain(text: object) -> str:
    """One line without control characters: names come from files and may hold anything."""
    words = " ".join(str(text).split())
    return "".join(character for character in words if character.isprintable())


def measure(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.3f}".replace("-", "−")


def spread(row: Row, column: str) -> str:
    """``0.512 ± 0.013``; the range ``0.512 [0.501, 0.523]`` where there is no interval."""
    mean, least, most = row[column], row[f"{column} least"], row[f"{column} most"]
    half = plus_minus(row, column)
    if not half and least < most:
        return f"{measure(mean)} [{measure(least)}, {measure(most)}]"
    return measure(mean) + half


def difference(row: Row, column: str) -> str:
    """``+0.012 ± 0.020``, without the interval where there is none."""
    mean = row[f"{column} difference"]
    if math.isnan(mean):
        return NOTHING
    return signed(mean) + plus_minus(row, f"{column} difference")


def signed(value: float, digits: int = 3) -> str:
    """``+0.012``, ``−0.012``."""
    return NOTHING if math.isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def p_value(value: float) -> str:
    if math.isnan(value):
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def plus_minus(row: Row, column: str) -> str:
    """`` ± 0.013``, half the width of a column's interval; empty where it has none."""
    half = (row.get(f"{column} high", math.nan) - row.get(f"{column} low", math.nan)) / 2
    return "" if math.isnan(half) else f" ± {half:.3f}"


def named(arm: object) -> str:
    """An arm within a sentence: in quotation marks where its name has commas or spaces."""
    name = plain(arm)
    return f"“{name}”" if " " in name or "," in name else name


def arm_name(row: Row) -> str:
    """The arm of a row, and whether it is the baseline."""
    return plain(row["arm"]) + (" (baseline)" if row.get("baseline") else "")


def seconds(value: float) -> str:
    """Seconds at a precision that their size deserves."""
    if math.isnan(value):
        return NOTHING
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def count(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:,.0f}"


def amount(value: float) -> str:
    """Three digits with a prefix of the SI: ``22.7 M``."""
    if math.isnan(value):
        return NOTHING
    rounded = float(f"{value:.3g}")
    thousands = max((power for power in range(1, 5) if rounded >= 1000**power), default=0)
    return f"{rounded / 1000**thousands:.3g} {' kMGT'[thousands]}".rstrip()


def percent(value: float) -> str:
    """The number alone: ``93.1``."""
    return f"{100 * value:.1f}"


def ratio(value: float) -> str:
    """Three digits, however small: ``0.0412``."""
    return NOTHING if math.isnan(value) else f"{value:.3g}"


def bounds(row: Row, over: str) -> str:
    """The interval of a share over seeds or over queries, in percent: ``[90.2, 96.0]``."""
    low, high = row[f"{over} low"], row[f"{over} high"]
    return NOTHING if math.isnan(low) else f"[{percent(low)}, {percent(high)}]"


def spanned(value: float, low: float, high: float, bound: str = "") -> str:
    """A ratio with its interval and what it is a bound of: ``≥ 3.2 [2.1, 4.9]``."""
    if math.isnan(value):
        return NOTHING
    between = "" if math.isnan(low) else f" [{ratio(low)}, {ratio(high)}]"
    return f"{bound} {ratio(value)}{between}".lstrip()


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
    return value if isinstance(value, str) else f"{value:.3g}"
