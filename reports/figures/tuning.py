"""What finding an arm's options cost, and what it brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.selectors import RUN, best_on_select, final_runs, tuned_arms
from reports.analysis.statistics import interval
from reports.analysis.tuning import tuning_costs, tuning_steps
from reports.drawing.axes import set_log_scale
from reports.drawing.curves import height_of, set_range
from reports.drawing.labels import Label, legend_below
from reports.figures.base import Figure
from reports.formatting import measure, plain, seconds
from reports.style import LineStyle, canvas, looks, points


@figures.register("tuning")
@dataclass(frozen=True)
class Tuning(Figure):
    """Quality on dev-select against the seconds that a run is charged with the trials so far. A
    line is the best trial so far, a dot on it each trial. A symbol is what the choice gives in the
    end: the mean of the final runs with its 95 % interval over seeds (Student's t, the broad pale
    bar). It may be below the best trial, as that was chosen for its luck too. An arm without a line
    has nothing to tune and pays for no trials.
    """

    section: ClassVar[str] = "Costs"
    wanted: ClassVar[str] = "was chosen by tuning"

    def data(self, results: Analysis) -> pd.DataFrame:
        charged = tuning_costs(results).groupby("arm", sort=False).last().dropna()
        if charged.empty or not tuned_arms(results):
            return pd.DataFrame()
        steps = tuning_steps(results).dropna(subset="charged").drop(columns="seconds")
        runs = final_runs(results)[RUN].merge(best_on_select(results), on=RUN)
        means = {arm: interval(own["value"]) for arm, own in runs.groupby("arm")}
        known = pd.DataFrame.from_dict(means, orient="index", columns=["value", "low", "high"])
        ends = charged.join(known).drop(columns=["seconds", "trial"])
        parts = [steps.assign(role="tuning"), ends.reset_index().assign(role="final")]
        data = pd.concat(parts, ignore_index=True).rename(columns={"charged": "seconds"})
        return data[["arm", "role", "trial", "trials", "seconds", "value", "low", "high", "best"]]

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = canvas()
        axes = figure.subplots()
        left, right = data["seconds"].min() / 1.3, data["seconds"].max() * 1.3
        set_log_scale(axes, left, right, "{:,.10g}".format)
        ends = data[data["role"] == "final"]
        heights = pd.concat([data["best"], *(ends[name] for name in ("value", "low", "high"))])
        set_range(axes, heights.dropna(), pd.Series(dtype=float))
        labels = [
            _draw_arm(axes, own, look)
            for arm, look in looks(results).items()
            if not (own := data[data["arm"] == arm]).empty
        ]
        legend_below(figure, labels)
        axes.set_xlabel("charged seconds with tuning (log scale)")
        axes.set_ylabel(f"{plain(results.chosen_by or results.study.primary)} on dev-select")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        told = "; ".join(_told(str(arm), own) for arm, own in data.groupby("arm", sort=False))
        return f"{self.caption} {results.chosen_by or results.study.primary}: {told}."


def _told(arm: str, rows: pd.DataFrame) -> str:
    end = rows[rows["role"] == "final"].iloc[0]
    paid = f"{arm} {measure(end['value'])} for {seconds(end['seconds'])} s"
    if not end["trials"]:
        return f"{paid}, nothing tuned"
    return f"{paid} with {end['trials']} trials, the best of them {measure(rows['best'].max())}"


def _draw_arm(axes: Axes, rows: pd.DataFrame, look: LineStyle) -> Label:
    """Steps of the best trial so far, and the final runs' mean where they end."""
    steps, end = rows[rows["role"] == "tuning"], rows[rows["role"] == "final"].iloc[0]
    paid, best = steps["seconds"].tolist(), steps["best"].tolist()
    axes.step(
        paid,
        best,
        where="post",
        color=look.colour,
        linestyle=look.line,
        linewidth=points(1.1),
        zorder=2,
    )
    axes.plot(
        paid, best, color=look.colour, linestyle="none", marker=".", markersize=points(3), zorder=2
    )
    gap = [steps["best"].max(), end["value"]]  # without trials the first is no number
    axes.plot(
        [end["seconds"]] * 2, gap, color=look.colour, linewidth=points(0.5), alpha=0.6, zorder=1
    )
    (bar,) = axes.plot(
        [end["seconds"]] * 2, [end["low"], end["high"]], color=look.colour, alpha=0.3
    )
    bar.set(linewidth=points(3.4), solid_capstyle="butt", zorder=1)
    (point,) = axes.plot(
        end["seconds"],
        end["value"],
        **look.symbol,
        linestyle="none",
        markersize=points(4.5),
        zorder=3,
    )
    return Label(plain(end["arm"]), height_of(axes, end["value"]), point)
