"""Lines that curves are compared with: a target and where each arm gets to it, a baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from reports.drawing.curves import beyond, height_of
from reports.style import LineStyle, points


def draw_target(axes: Axes, name: str, quality: float) -> None:
    """A horizontal line, named at the left, where curves are still below it."""
    axes.axhline(quality, color="black", linewidth=points(0.5), zorder=1)
    name_line(axes, quality, f"target: {name}{beyond(axes, quality)}")


def name_line(axes: Axes, value: float, name: str) -> None:
    """Write the name at the left end of a horizontal line, or at the edge if it is out of sight."""
    height = min(max(height_of(axes, value), 0), 1)
    over = height < 0.9
    text = axes.annotate(
        name,
        (0, height),
        xycoords="axes fraction",
        xytext=(points(2), points(1.5) if over else -points(1.5)),
        textcoords="offset points",
        va="bottom" if over else "top",
        fontsize=points(6),
    )
    text.set_path_effects([withStroke(linewidth=points(2), foreground="white")])


def draw_crossings(axes: Axes, rows: pd.DataFrame, looks: dict[str, LineStyle]) -> None:
    """Lines from the target down to the axis, with symbols that are stacked where they collide."""
    rows = rows[np.isfinite(rows["crossing"])].sort_values("crossing", kind="stable")
    close, level, last = 0.03 * np.ptp(axes.get_xlim()), 0, -np.inf
    for row in rows.to_dict("records"):
        place, look = row["crossing"], looks[row["arm"]]
        level = level + 1 if place - last < close else 0
        last = place if level == 0 else last
        foot = 0.03 + 0.05 * level
        top = np.clip(height_of(axes, row["quality"]), foot, 1)
        shown: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot([place] * 2, [foot, top], color=look.colour, linewidth=points(0.4), **shown)
        shown |= {"linestyle": "none", "markersize": points(3.4), "zorder": 2.5}
        axes.plot(place, foot, **look.symbol, **shown)
