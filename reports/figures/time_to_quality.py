"""What an arm's quality costs: all it is charged for, before and during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.costs import charged
from reports.analysis.selectors import charged_clocks, curves
from reports.analysis.targets import to_target
from reports.drawing.axes import set_log_scale
from reports.drawing.curves import draw_arms, means, set_range
from reports.drawing.labels import legend_below
from reports.figures._target import draw_target
from reports.figures.base import Figure
from reports.formatting import measure, named, plain, seconds
from reports.style import LineStyle, canvas, looks, points

TITLES = {
    "train": "train: training alone",
    "cold": "cold: with all that it needs prepared",
    "tuned": "tuned: with tuning trials, too",
}

BEFORE = 3.0
"""How many times sooner than the first point of a training the axis begins: it has no zero."""


@figures.register("time-to-quality")
@dataclass(frozen=True)
class TimeToQuality(Figure):
    """Quality on dev-curve against the seconds an arm is charged. A dotted line lasts until all
    that training waits for is paid, such as a teacher's fine-tuning and trials; training begins at
    the tick. What is due by the example, such as a teacher's scores, is paid along the curve. Means
    over seeds with 95 % intervals (Student's t); thin lines for seeds where there are fewer than
    three. What happens before the logarithmic axis begins is drawn at its left end.
    """

    section: ClassVar[str] = "Reaching the baseline"

    def data(self, results: Analysis) -> pd.DataFrame:
        """The curves by clock; beside each point the arm's means, and the target."""
        trained = curves(results, "final")
        if trained.empty:
            return trained
        clocks = [clock for clock in charged_clocks(results) if clock in TITLES]
        data = pd.concat([_by(clock, results, trained) for clock in clocks], ignore_index=True)
        headline = to_target(results)[["target", "quality"]].iloc[:1].to_dict("list")
        return data.assign(**{name: [*value, np.nan][0] for name, value in headline.items()})

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        primary = results.study.primary
        left = data.loc[data["point"] > 0, "seconds"].min() / BEFORE
        right = data["seconds"].max() * 1.15
        data = data.assign(seconds=data["seconds"].clip(lower=left))
        clocks, quality = list(data["clock"].unique()), data["quality"].dropna().head(1)
        figure = canvas(0.25 + 0.48 * len(clocks))
        panels = list(figure.subplots(len(clocks), sharex=True, sharey=True, squeeze=False)[:, 0])
        for axes, clock in zip(panels, clocks, strict=True):
            rows = data[data["clock"] == clock]
            set_log_scale(axes, left / 1.1, right, "{:,.10g}".format)
            set_range(axes, rows[primary], quality, rows[["low", "high"]].stack())
            _draw_waits(axes, rows, primary, looks(results))
            arms = draw_arms(axes, rows, "seconds", primary, looks(results))
            axes.set_title(TITLES[clock])
            for value in quality:
                axes.axhline(value, color="black", linewidth=points(0.5), zorder=1)
        for value in quality:
            draw_target(panels[-1], data["target"].iloc[0], value)  # curves begin late there
        legend_below(figure, arms)
        panels[-1].set_xlabel("charged seconds (log scale)")
        figure.supylabel(f"{plain(primary)} on dev-curve")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        values = "; ".join(
            f"{named(arm)}, {clock}: {_told(own)}"
            for (arm, clock), own in data.groupby(["arm", "clock"], sort=False)
        )
        return f"{self.caption} {results.study.primary}: {values}."


def _by(clock: str, results: Analysis, trained: pd.DataFrame) -> pd.DataFrame:
    rows = charged(results, trained, clock)
    mean = means(rows, "seconds", results.study.primary)
    return rows.merge(mean.rename(columns={"x": "mean seconds", "y": "mean"}), "left")


def _told(rows: pd.DataFrame) -> str:
    known = rows.dropna(subset="mean").sort_values("point")
    if known.empty:
        return "no value"
    first, last = known.iloc[0], known.iloc[-1]
    begins = f"{measure(first['mean'])} until {seconds(first['mean seconds'])} s"
    return f"{begins}, then up to {measure(last['mean'])} at {seconds(last['mean seconds'])} s"


def _draw_waits(axes: Axes, rows: pd.DataFrame, primary: str, looks: dict[str, LineStyle]) -> None:
    """From the left to where each arm's training begins, shorter lines over longer ones."""
    starts = rows[rows["point"] == 0].groupby("arm")[["seconds", primary]].mean()
    for arm, start in starts.sort_values("seconds", ascending=False).iterrows():
        colour, thick = looks[str(arm)].colour, points(1.3)
        waits, height = [axes.get_xlim()[0], start["seconds"]], [start[primary]] * 2
        axes.plot(waits, height, color=colour, linewidth=thick, linestyle=(0, (1, 1)))
        axes.plot(*start, "|", color=colour, markersize=points(9), markeredgewidth=thick)
