"""Which of the parameters that were tuned mattered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.trials import FEWEST, importance_table
from reports.drawing.labels import LEGEND_WIDTH, wrapped
from reports.figures.base import Figure
from reports.formatting import percent, plain
from reports.style import LineStyle, canvas, characters, looks, points

_ROW = 0.085
"""Heights of a figure with one panel."""


@figures.register("importance")
@dataclass(frozen=True)
class Importance(Figure):
    """Each tuned parameter's share of what tells an arm's best tenth of trials from all of its
    trials (Optuna's PED-ANOVA, arXiv 2304.10255). A share has no interval: the best tenth is a
    handful of trials, which this describes. The line across a bar is what 95 % of shares stay below
    where the trials' values are shuffled, that is where nothing matters: a bar that ends before it
    may be chance. Shares of an arm add up to 100 %, so they say nothing of how much tuning brings.
    """

    section: ClassVar[str] = "Sensitivity"
    wanted: ClassVar[str] = f"was chosen by {FEWEST} finished trials of two parameters or more"

    def data(self, results: Analysis) -> pd.DataFrame:
        return importance_table(results)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        width = characters(LEGEND_WIDTH)
        shown = {
            arm: (wrapped(_heading(arm, own), width), own, look)
            for arm, look in looks(results).items()
            if not (own := data[data["arm"] == arm]).empty
        }
        rows = sum(heading.count("\n") + 1.4 + len(own) for heading, own, _ in shown.values())
        figure = canvas(0.25 + _ROW * rows)
        axes = figure.subplots()
        axes.set_ylim(rows, 0)
        axes.set_xlim(0, 1)
        places, names, top = [], [], 0.0
        for heading, own, look in shown.values():
            lines = heading.count("\n") + 1
            axes.text(0.01, top + 0.2, heading, va="top", ha="left", fontweight="bold")
            first = top + lines + 0.55
            _draw_bars(axes, own, look, first)
            places += [first + at for at in range(len(own))]
            names += [plain(name.rpartition(".")[2]) for name in own["parameter"]]
            top += lines + 0.4 + len(own)
        axes.set_yticks(places, [wrapped(name, characters(0.3)) for name in names])
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.set_xlabel("share of importance")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        told = "; ".join(
            f"{row['parameter']} of {row['arm']} {percent(row['importance'])} %, shuffled up to "
            f"{percent(row['shuffled'])} %, of {row['trials']} trials"
            for row in data.to_dict("records")
        )
        return f"{self.caption} Shares: {told}."


def _heading(arm: str, rows: pd.DataFrame) -> str:
    return f"{plain(arm)} ({rows['trials'].iloc[0]} trials)"


def _draw_bars(axes: Axes, rows: pd.DataFrame, look: LineStyle, first: float) -> None:
    for at, row in enumerate(rows.to_dict("records")):
        axes.barh(
            first + at,
            row["importance"],
            height=0.62,
            facecolor=look.colour if look.filled else "white",
            edgecolor=look.colour,
            linewidth=points(0.8),
            alpha=0.75,
        )
        ends = [first + at - 0.42, first + at + 0.42]
        axes.plot([row["shuffled"]] * 2, ends, color="black", linewidth=points(1.3), zorder=3)
