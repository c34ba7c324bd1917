"""What of a speed-up is tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.headline_ratios import headline_ratios, missing, ratio_text, times
from reports.analysis.speed import speed_by_trials
from reports.drawing.axes import set_log_heights
from reports.drawing.labels import Label, fit, in_margin, legend_below, wrapped
from reports.figures.base import Figure
from reports.formatting import named, plain
from reports.style import GREY, LineStyle, canvas, looks, points

WIDTH = 0.06  # of the axis, what arms share: side by side their intervals can be told apart
FAR = 3.0  # times beyond all lines, where intervals are cut: a wide one must not flatten the lines


@figures.register("speed-by-trials")
@dataclass(frozen=True)
class SpeedByTrials(Figure):
    """The baseline's charged seconds to the target ÷ the arm's, both with so many tuning trials on
    their bills, on a logarithmic axis: cold with none, tuned with all; 1 is as fast as the
    baseline. Bars at both ends are 95 % intervals over seeds and dev-curve queries, dotted ones
    over seeds alone; those without an end go on, and in between there are none. ≥ and ≤ are bounds,
    as some runs did not get there; ~ is of restricted means and may be off either way. Arms stand a
    little side by side.
    """

    section: ClassVar[str] = "Reaching the baseline"
    wanted: ClassVar[str] = "got to the target with options that were tuned"

    def data(self, results: Analysis) -> pd.DataFrame:
        ratios, by_trials = headline_ratios(results), speed_by_trials(results)
        if ratios["ratio"].isna().all() or not by_trials["trials"].any():
            return pd.DataFrame()
        rows = by_trials[by_trials["target"] == ratios["target"].iloc[0]]
        ends = ratios["quantity"].map({"cold": 0, "tuned": rows["trials"].max()})
        ends = ratios.assign(trials=ends).dropna(subset="trials")
        alike = ["arm", "baseline", "seeds", "reached", "untrained"]
        rows = rows.merge(ends[alike].drop_duplicates(), on="arm")
        shown = ["arm", "trials", "shown low", "shown high", "over"]
        return rows.merge(ends[shown], on=["arm", "trials"], how="left")

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = canvas()
        axes = figure.subplots()
        _set_range(axes, data)
        axes.axhline(1, color=GREY, linewidth=points(0.7), zorder=0)
        drawn = {arm: look for arm, look in looks(results).items() if arm in set(data["arm"])}
        places = np.linspace(-0.5, 0.5, 2 * len(drawn) + 1)[1::2] * WIDTH * data["trials"].max()
        labels = [
            _draw_arm(axes, data[data["arm"] == arm], look, place)
            for (arm, look), place in zip(drawn.items(), places, strict=True)
        ]
        if data["ratio"].notna().all() and fit(axes, labels):
            in_margin(axes, labels)
        else:
            legend_below(figure, labels)
        axes.set_xlabel("tuning trials")
        axes.set_ylabel(wrapped(f"speed-up to {data['target'].iloc[0]} (log scale)", 24))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        values = "; ".join(_told(str(arm), own) for arm, own in data.groupby("arm", sort=False))
        return f"{self.caption} Beside {named(data['baseline'].iloc[0])}: {values}."


def _told(arm: str, rows: pd.DataFrame) -> str:
    first, last = rows.iloc[0], rows.iloc[-1]
    if rows["ratio"].isna().all():
        return f"{named(arm)} {missing(first)}"
    between = ", ".join(map(ratio_text, rows.iloc[1:-1].to_dict("records")))
    steps = [
        f"{ratio_text(first)} cold",
        between,
        f"{ratio_text(last)} after {last['trials']} trials",
    ]
    return f"{named(arm)} {', then '.join(filter(None, steps))}"


def _set_range(axes: Axes, data: pd.DataFrame) -> None:
    """All lines, and intervals as far as they are near."""
    lines = [1.0, *data["ratio"].dropna()]
    low, high = min(lines), max(lines)
    bounds = data[["shown low", "shown high"]].stack().clip(low / FAR, high * FAR)
    set_log_heights(axes, min([low, *bounds]) / 1.2, max([high, *bounds]) * 1.2, "{:,.10g}×".format)


def _draw_arm(axes: Axes, rows: pd.DataFrame, look: LineStyle, shift: float) -> Label:
    """A line with the intervals of its ends."""
    x = rows["trials"] + shift
    symbol = look.symbol | {"linewidth": points(1.3), "markersize": points(3.8)}
    (line,) = axes.plot(x, rows["ratio"], **symbol, linestyle=look.line, zorder=3)
    for place, (_, row) in zip(x, rows.iterrows(), strict=True):
        axes.plot(
            [place] * 2,
            [row["shown low"], row["shown high"]],
            color=look.colour,
            linewidth=points(0.7),
            linestyle=":" if row["over"] == "seeds" else "-",
            marker="_",
            markersize=points(3.5),
            zorder=2,
        )
    last, (low, high) = rows.iloc[-1], np.log(axes.get_ylim())
    height = (np.log(last["ratio"]) - low) / (high - low)
    text = missing(last) if rows["ratio"].isna().all() else times(last)
    return Label(f"{plain(last['arm'])}: {text}", height, line)
