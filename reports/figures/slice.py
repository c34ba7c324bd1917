"""What came of each value that tuning tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.trials import trials_table
from reports.drawing.axes import set_log_scale
from reports.drawing.curves import set_range
from reports.drawing.labels import LEGEND_WIDTH, wrapped
from reports.figures.base import Figure
from reports.formatting import options_text, plain
from reports.style import GREY, LineStyle, canvas, characters, looks, points

FEWEST = 4  # trials of an arm: fewer show nothing of a parameter


@figures.register("slice")
@dataclass(frozen=True)
class Slice(Figure):
    """Quality on dev-select against each parameter that an arm's tuning varied. A filled symbol is
    a trial, the paler the earlier; a tick at the foot is one without a value, as it was pruned or
    has failed. Black dashes are the final runs, one a seed, with the chosen options: where trials
    differ by less than these scatter, their difference is within the noise of a single run. A
    panel's other parameters vary too.
    """

    section: ClassVar[str] = "Sensitivity"
    wanted: ClassVar[str] = f"was chosen by {FEWEST} trials or more that differ in a parameter"
    most: ClassVar[int] = 6

    def data(self, results: Analysis) -> pd.DataFrame:
        rows = trials_table(results)
        trials = rows["trial"].where((rows["role"] == "tuning") & rows["value"].notna())
        return rows[trials.groupby(rows["arm"]).transform("nunique") >= FEWEST]

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        shown = {arm: look for arm, look in looks(results).items() if arm in set(data["arm"])}
        names = [wrapped(plain(arm), characters(LEGEND_WIDTH)) for arm in shown]
        varied = [list(data.loc[data["arm"] == arm, "parameter"].unique()) for arm in shown]
        lines = sum(name.count("\n") for name in names)
        figure = canvas(0.35 + 0.5 * len(shown) + 0.07 * lines)
        columns = max(map(len, varied))
        grid = figure.subplots(len(shown), columns, squeeze=False, sharey=True)
        set_range(grid[0, 0], data["value"].dropna(), pd.Series(dtype=float))
        for at, (arm, look) in enumerate(shown.items()):
            grid[at, 0].set_title(names[at])
            for axes in grid[at, len(varied[at]) :]:
                axes.set_axis_off()
            for place, parameter in enumerate(varied[at]):
                axes, rows = grid[at, place], data[data["parameter"] == parameter]
                along = _set_scale(axes, rows, 4 if columns == 1 else 2)
                _draw_runs(axes, along[rows["arm"] == arm], rows[rows["arm"] == arm], look)
                if any(parameter in below[place : place + 1] for below in varied[at + 1 :]):
                    axes.tick_params(labelbottom=False)
                    continue
                name = wrapped(plain(parameter.rpartition(".")[2]), characters(0.8 / columns))
                axes.set_xlabel(name + ("\n(log scale)" if rows["log"].iloc[0] else ""))
        figure.supylabel(f"{plain(results.chosen_by or results.study.primary)} on dev-select")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        tried, told = data[data["role"] == "tuning"].dropna(subset="value"), []
        for arm, own in tried.groupby("arm", sort=False):
            best = own[own["trial"] == own.loc[own["value"].idxmax(), "trial"]]
            chosen = options_text(dict(zip(best["parameter"], best["tried"], strict=True)))
            value, trials = best["value"].iloc[0], own["trial"].nunique()
            told.append(f"{arm} {value:.3f} with {chosen}, of {trials} trials")
        return f"{self.caption} The best trials: {'; '.join(told)}."


def _draw_runs(axes: Axes, along: pd.Series, rows: pd.DataFrame, look: LineStyle) -> None:
    """One parameter of an arm."""
    trials, finals = rows["role"] == "tuning", rows["role"] == "final"
    axes.scatter(
        along[trials],
        rows.loc[trials, "value"],
        c=rows.loc[trials, "trial"],
        cmap=LinearSegmentedColormap.from_list("trials", ["0.85", look.colour]),
        marker=look.marker,
        s=points(3.4) ** 2,
        linewidths=points(0.3),
        edgecolors="0.3",
        clip_on=False,
    )
    (seeds,) = axes.plot(along[finals], rows.loc[finals, "value"], "_", color="black")
    seeds.set(markersize=points(9), markeredgewidth=points(1), clip_on=False)
    bare, foot = along[trials & rows["value"].isna()], axes.get_xaxis_transform()
    axes.vlines(bare, 0, 0.08, transform=foot, color=GREY, linewidth=points(0.8))


def _set_scale(axes: Axes, rows: pd.DataFrame, ticks: int) -> pd.Series:
    """A parameter's axis, the same for every arm; where each of its rows stands along it."""
    low, high = rows["low"].min(), rows["high"].max()
    axes.xaxis.set_minor_locator(NullLocator())
    if pd.isna(low):
        values = sorted(rows["tried"].unique(), key=str)
        axes.set_xticks(range(len(values)), [wrapped(plain(value), 10) for value in values])
        axes.set_xlim(-0.5, len(values) - 0.5)
        return rows["tried"].map(values.index)
    if rows["log"].iloc[0]:
        margin = (high / low) ** 0.06
        set_log_scale(axes, low / margin, high * margin, "{:.3g}".format)
        if high / low > 3:
            subs = (1, 3) if high / low < 30 else (1,)
            axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=ticks + 1))
    else:
        axes.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(ticks + 1))
        axes.xaxis.set_major_formatter("{x:.3g}")
    return rows["tried"].astype(float)
