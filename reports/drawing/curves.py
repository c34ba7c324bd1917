"""Curves of dev quality: means over seeds with intervals, references across."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy import stats

from reports.analysis.statistics import FEWEST
from reports.drawing.labels import Label
from reports.formatting import measure, plain
from reports.style import GREY, LineStyle, points

LEAST_RANGE = 0.02
"""Of the vertical axis, in units of the measure."""

_DASHES = ("-", (0, (1, 1.5)), (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (6, 2, 1, 2, 1, 2)))


def means(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Over seeds: a row an arm and a point that every seed of the arm has.

    Columns: arm, point, seeds; x (mean), y (mean) with its 95 % interval (low, high: Student's t;
    NaN with fewer than three seeds).
    """
    points = rows.groupby(["arm", "point"], sort=False, as_index=False)
    found = points.agg(x=(x, "mean"), y=(y, "mean"), error=(y, "sem"), seeds=("seed", "size"))
    found = found[found["seeds"] == found["arm"].map(rows.groupby("arm")["seed"].nunique())]
    # All at once what `statistics.interval` gives for each: a large study has thousands.
    known = found["error"].where(found["seeds"] >= FEWEST)
    half = stats.t.ppf(0.975, found["seeds"] - 1) * known
    return found.assign(low=found["y"] - half, high=found["y"] + half).drop(columns="error")


def draw_arms(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, looks: dict[str, LineStyle]
) -> list[Label]:
    """Every arm's mean with its interval, or seeds; the labels of the means, at their last points.

    A seed goes on by itself behind the end of another.
    """
    labels, every = [], means(rows, x, y)
    for arm, look in looks.items():
        if not (own := every[every["arm"] == arm].sort_values("point")).empty:
            line = draw_mean(axes, own, look, 0.05 + 0.3 / len(looks))
            _draw_seeds(axes, rows[rows["arm"] == arm], own, x, y, look)
            labels.append(Label(plain(arm), height_of(axes, own["y"].iloc[-1]), line))
    return labels


def draw_mean(axes: Axes, mean: pd.DataFrame, look: LineStyle, alpha: float) -> Line2D:
    """A line over the pale band of its interval: rows as `means` gives them."""
    band: dict[str, Any] = {"color": look.colour, "alpha": alpha, "linewidth": 0, "zorder": 1.5}
    axes.fill_between(mean["x"], mean["low"], mean["high"], **band)
    (line,) = axes.plot(
        mean["x"],
        mean["y"],
        **look.symbol,
        linestyle=look.line,
        linewidth=points(1.4),
        markersize=points(3.8),
        zorder=3,
    )
    return line


def _draw_seeds(
    axes: Axes, rows: pd.DataFrame, mean: pd.DataFrame, x: str, y: str, look: LineStyle
) -> None:
    """A thin line for each of several seeds that have no interval."""
    known = mean.loc[mean["low"].notna(), "point"]
    alone = rows if known.empty else rows[rows["point"] >= known.max()]
    for _, seed in alone.groupby("seed") if rows["seed"].nunique() > 1 else ():
        axes.plot(seed[x], seed[y], color=look.colour, linewidth=points(0.5), alpha=0.5)


def draw_references(axes: Axes, references: pd.Series) -> list[Label]:
    """A thin line across for each reference, by name; the labels of the lines."""
    labels = []
    for index, (name, value) in enumerate(references.items()):
        dashes = _DASHES[index % len(_DASHES)]
        line = axes.axhline(value, color=GREY, linewidth=points(0.7), linestyle=dashes, zorder=1)
        height = height_of(axes, value)
        labels.append(Label(plain(name) + beyond(axes, value), height, line))
    return labels


def beyond(axes: Axes, value: float) -> str:
    """Where a line across is that lies beyond the axes; empty where it does not."""
    height = height_of(axes, value)
    if 0 <= height <= 1:
        return ""
    return f" {measure(value)} {'↑' if height > 1 else '↓'}"


def set_range(
    axes: Axes, curves: pd.Series, references: pd.Series, bounds: pd.Series | None = None
) -> None:
    """Limits that show the curves well: a reference far off must not flatten them, nor the bounds
    of an interval, and nothing is magnified until noise looks like a result.
    """
    near = max(curves.max() - curves.min(), LEAST_RANGE) / 2
    floor, ceiling = curves.min() - near, curves.max() + near
    shown = references[references.between(floor, ceiling)]
    floor, ceiling = max(floor, min(curves.min(), 0)), min(ceiling, max(curves.max(), 1))
    known = pd.Series(dtype=float) if bounds is None else bounds.dropna().clip(floor, ceiling)
    low, high = min([curves.min(), *shown, *known]), max([curves.max(), *shown, *known])
    margin = 0.05 * max(high - low, LEAST_RANGE) + max(LEAST_RANGE - (high - low), 0) / 2
    axes.set_ylim(low - margin, high + margin)


def height_of(axes: Axes, value: float) -> float:
    """Where a value lies between the bottom (0) and the top (1) of the axes."""
    low, high = axes.get_ylim()
    return (value - low) / (high - low)
