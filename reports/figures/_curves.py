"""Curves of dev quality: a thin line a seed, a thick one for their mean, references across."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reports.figures._labels import Label
from reports.style import GREY, Look, points
from reports.wording import measure, plain

LEAST_RANGE = 0.02
"""Of the vertical axis, in units of the measure."""

_DASHES = ("-", (0, (1, 1.5)), (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (6, 2, 1, 2, 1, 2)))


def draw_arms(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, looks: dict[str, Look]
) -> list[Label]:
    """Every arm's seeds and their mean; the labels of the means, at their last points."""
    labels = []
    for arm, look in looks.items():
        if not (own := rows[rows["arm"] == arm]).empty:
            line = _draw_arm(axes, own, x, y, look)
            height = height_of(axes, own.loc[own["point"] == own["point"].max(), y].mean())
            labels.append(Label(plain(arm), height, line))
    return labels


def _draw_arm(axes: Axes, rows: pd.DataFrame, x: str, y: str, look: Look) -> Line2D:
    """The line of the mean, over thin lines of the seeds where there are several."""
    for _, seed in rows.groupby("seed") if rows["seed"].nunique() > 1 else ():
        axes.plot(seed[x], seed[y], color=look.colour, linewidth=points(0.5), alpha=0.5)
    mean = rows.groupby("point")[[x, y]].mean()
    (line,) = axes.plot(
        mean[x],
        mean[y],
        **look.symbol,
        linestyle=look.line,
        linewidth=points(1.4),
        markersize=points(3.8),
        zorder=3,
    )
    return line


def draw_references(axes: Axes, references: pd.Series) -> list[Label]:
    """A thin line across for each reference, by name; the labels of the lines."""
    labels = []
    for index, (name, value) in enumerate(references.items()):
        dashes = _DASHES[index % len(_DASHES)]
        line = axes.axhline(value, color=GREY, linewidth=points(0.7), linestyle=dashes, zorder=1)
        height = height_of(axes, value)
        labels.append(Label(plain(name) + _away(height, value), height, line))
    return labels


def _away(height: float, value: float) -> str:
    """Where a reference beyond the axes is."""
    if 0 <= height <= 1:
        return ""
    return f" {measure(value)} {'↑' if height > 1 else '↓'}"


def set_range(axes: Axes, curves: pd.Series, references: pd.Series) -> None:
    """Limits that show the curves well: a reference far off must not flatten them, and nothing is
    magnified until noise looks like a result.
    """
    near = max(curves.max() - curves.min(), LEAST_RANGE) / 2
    shown = references[references.between(curves.min() - near, curves.max() + near)]
    low, high = min([curves.min(), *shown]), max([curves.max(), *shown])
    margin = 0.05 * max(high - low, LEAST_RANGE) + max(LEAST_RANGE - (high - low), 0) / 2
    axes.set_ylim(low - margin, high + margin)


def height_of(axes: Axes, value: float) -> float:
    """Where a value lies between the bottom (0) and the top (1) of the axes."""
    low, high = axes.get_ylim()
    return (value - low) / (high - low)
