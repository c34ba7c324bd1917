"""What an arm's quality costs: all it is charged for, before and during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes

from bench.results import Results
from reports import figures
from reports.costs import charged
from reports.figures._axes import set_log_scale
from reports.figures._curves import draw_arms, draw_references, set_range
from reports.figures._labels import outside
from reports.figures.base import Figure
from reports.reading import curves
from reports.style import Look, canvas, looks, points
from reports.wording import measure, plain, seconds

CLOCKS = {"cold": "cold: training + artifacts", "tuned": "tuned: + tuning trials"}


@figures.register("time-to-quality")
@dataclass(frozen=True)
class TimeToQuality(Figure):
    """Quality on dev against the seconds an arm is charged, evaluation aside. A dotted line lasts
    until all that training waits for is paid: artifacts such as a teacher's scores, and tuning.
    """

    section: ClassVar[str] = "Reaching the baseline"

    def data(self, results: Results) -> pd.DataFrame:
        trained = curves(results, "final")
        if trained.empty:
            return trained
        tuned = results.study.tuning.trials > 0
        by_clock = [
            charged(results, trained, clock) for clock in CLOCKS if clock == "cold" or tuned
        ]
        return pd.concat([*by_clock, curves(results, "reference")], ignore_index=True)

    def draw(self, results: Results, data: pd.DataFrame) -> matplotlib.figure.Figure:
        primary = results.study.primary
        # A logarithmic axis has no zero: where nothing had to be prepared, point 0 is left out.
        trained = data[(data["role"] == "final") & (data["seconds"] > 0)]
        references = data[data["role"] == "reference"].set_index("arm")[primary]
        clocks = list(trained["clock"].unique())
        figure = canvas(0.2 + 0.7 * len(clocks))
        panels = list(figure.subplots(len(clocks), sharex=True, sharey=True, squeeze=False)[:, 0])
        left, right = trained["seconds"].min() / 1.5, trained["seconds"].max() * 1.1
        for axes, clock in zip(panels, clocks, strict=True):
            set_log_scale(axes, left, right, "{:,.10g}".format)
            set_range(axes, trained[primary], references)
            rows = trained[trained["clock"] == clock]
            _draw_waits(axes, rows, left, primary, looks(results))
            arms = draw_arms(axes, rows, "seconds", primary, looks(results))
            others = draw_references(axes, references)
            axes.set_title(CLOCKS[clock])
        outside(figure, panels, arms, others)
        panels[-1].set_xlabel("charged seconds (log scale)")
        figure.supylabel(f"{plain(primary)} on dev-curve")
        return figure

    def alt(self, results: Results, data: pd.DataFrame) -> str:
        primary = results.study.primary
        trained = data[data["role"] == "final"]
        ends = trained[trained["point"] == trained["point"].max()]
        means = ends.groupby(["clock", "arm"], sort=False)[["seconds", primary]].mean()
        values = ", ".join(
            f"{arm} {measure(mean[primary])} after {seconds(mean['seconds'])} s ({clock})"
            for (clock, arm), mean in means.iterrows()
        )
        return f"{self.caption} {primary} at the last point: {values}."


def _draw_waits(
    axes: Axes, rows: pd.DataFrame, left: float, primary: str, looks: dict[str, Look]
) -> None:
    """From the left to where each arm's training begins, shorter lines over longer ones."""
    starts = rows[rows["point"] == 0].groupby("arm")[["seconds", primary]].mean()
    for arm, start in starts.sort_values("seconds", ascending=False).iterrows():
        axes.plot(
            [left, start["seconds"]],
            [start[primary]] * 2,
            color=looks[str(arm)].colour,
            linewidth=points(1.2),
            linestyle=(0, (1, 1)),
            zorder=2,
        )
