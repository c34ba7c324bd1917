"""Ratios to the baseline as a forest: arms from the top down, under each of them its targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from reports.drawing.axes import set_log_scale
from reports.drawing.labels import wrapped, write_in_row
from reports.formatting import Row, percents, plain
from reports.style import GREY, LineStyle, characters, points

FAR = 4.0
"""Intervals are cut at so many times the largest ratio, so that a wide one hides no other."""

LINE = 9.0
"""Points between two lines of a forest."""

_HEAD, _GAP = 1.2, 0.3  # lines above the first arm, and between two
_MARKERS = {"": "o", "≥": ">", "≤": "<", "~": "D"}
_MISSING = {"examples": "not within the budget", "labels": "not on these shares"}


def line_count(rows: pd.DataFrame) -> float:
    """The height of a forest in lines."""
    arms = [(_name(arm).count("\n"), len(_shown(own))) for arm, own in rows.groupby("arm")]
    return _HEAD + sum(extra + 1 + targets + _GAP for extra, targets in arms)


def set_range(axes: Axes, rows: pd.DataFrame, lines: Sequence[float]) -> None:
    """The axis shows all ratios and lines, and intervals up to `FAR`."""
    known = [*rows.loc[rows["ratio"] > 0, "ratio"], *lines, 1.0]
    low, high = min(known), max(known)
    ends = rows[["low", "high"]].stack().clip(low / FAR, high * FAR)
    left, right = min([low, *ends]), max([high, *ends])
    set_log_scale(axes, left / 1.3, right * 1.3, lambda value: f"{100 * value:,.4g}")


def draw_forest(axes: Axes, rows: pd.DataFrame, looks: dict[str, LineStyle]) -> None:
    """Rows of one quantity: target, arm, seeds, reached, untrained, bound, ratio, low, high,
    over; baseline seeds and baseline reached."""
    first, targets, place = rows.iloc[0], {}, _HEAD + 0.5
    there = f" ({first['baseline reached']:.0f}/{first['baseline seeds']:.0f})"
    counted = "" if pd.isna(first["baseline reached"]) else there
    axes.axvline(1.0, color=GREY, linewidth=points(0.8), zorder=0)
    write_in_row(axes, 1.0, 0.5, f"baseline{counted}", transform=axes.transData, ha="center")
    for arm, own in rows.groupby("arm", sort=False):
        name = _name(arm)
        write_in_row(axes, 0, place + name.count("\n") / 2, name, weight="bold")
        place += name.count("\n") + 1
        for at, row in enumerate(shown := _shown(own)):
            label = row["target"].removesuffix(" of the gain")
            targets[place] = label if len(shown) > 1 or len(own) == 1 else ""
            _draw_row(axes, place, row, looks[str(arm)].colour, 0.7 if at else 1.0)
            place += 1
        place += _GAP
    axes.set_ylim(place - 0.5, 0)
    axes.set_yticks(list(targets), list(targets.values()), fontsize=points(6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def missing(row: Row) -> str:
    """Why no ratio is drawn."""
    if not row["reached"]:
        return _MISSING[row["quantity"]]
    if row["quantity"] == "labels":
        return "without labels" if row["ratio"] == 0 else "labels not known"
    if row["untrained"]:
        return f"{row['untrained']}/{row['seeds']} there before training"
    return "not by the first end of a run"


def _is_uninformative(row: Row) -> bool:
    """Whether the ratio is one of horizons alone: no seed of the arm and not all of the baseline's
    reached the target."""
    return not row["reached"] and row["bound"] == "~"


def _shown(rows: pd.DataFrame) -> list[Row]:
    """The targets of an arm; only the first where all have the same reason for no ratio."""
    found = rows.to_dict("records")
    said = {(missing(row), row["reached"]) for row in found}
    return found if (rows["ratio"] > 0).any() or len(said) > 1 else found[:1]


def _name(arm: object) -> str:
    return wrapped(plain(arm), characters(0.66))


def _draw_row(axes: Axes, place: float, row: Row, colour: str, size: float) -> None:
    """A symbol on its interval, and the numbers at the right."""
    there = f"({row['reached']}/{row['seeds']})"
    if not row["ratio"] > 0 or _is_uninformative(row):
        counted = "" if row["reached"] and row["untrained"] > 0 else f" {there}"
        write_in_row(axes, 0.02, place, f"{missing(row)}{counted}", style="italic")
        return
    shown: dict[str, Any] = {"color": colour, "linewidth": points(1.6 * size), "zorder": 2}
    line = ":" if row["over"] == "seeds" else "-"
    axes.plot([row["low"], row["high"]], [place] * 2, linestyle=line, **shown)
    shown |= {"marker": _MARKERS[row["bound"]], "markeredgewidth": points(0.9)}
    shown |= {"markerfacecolor": "white" if row["bound"] else colour}
    axes.plot(row["ratio"], place, markersize=points(4.6 * size), **shown)
    values = (row["ratio"], row["low"], row["high"], row["bound"])
    write_in_row(axes, 1.02, place, f"{percents(*values).partition(' [')[0]} % {there}")
