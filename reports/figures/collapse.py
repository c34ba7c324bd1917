"""Whether a student's space collapses as it trains, and what its loss asks for meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.teacher_agreement import COLLAPSE
from reports.drawing.curves import draw_mean, means
from reports.drawing.labels import Label, legend_below
from reports.figures.base import Figure
from reports.formatting import count, measure, plain
from reports.style import GREY, canvas, looks, points

_TITLES = {
    "mean_cosine": "mean cosine of two documents of a batch",
    "mean_target": "mean target of the loss, where it has one",
}


@figures.register("collapse")
@dataclass(frozen=True)
class Collapse(Figure):
    """How alike two different documents of a batch are to the student (at the dashed line, 1, its
    space has collapsed to a point) and the target that the loss sets it, in the loss's own unit,
    against training examples. A point is the mean over the steps since the point before it, so
    there is none at 0 examples; lines are means over seeds, as far as all of them go, bands 95 %
    intervals over seeds (Student's t, from three seeds on).
    """

    section: ClassVar[str] = "Students and teachers"
    wanted: ClassVar[str] = "has diagnostics of its steps, which older records lack"

    def data(self, results: Analysis) -> pd.DataFrame:
        curves = results.curves
        trained = curves[curves["role"] == "final"].reindex(
            columns=["arm", "seed", "point", "examples", *COLLAPSE]
        )
        found = [
            means(trained.dropna(subset=quantity), "examples", quantity).assign(quantity=quantity)
            for quantity in COLLAPSE
        ]
        table = pd.concat(found, ignore_index=True).rename(columns={"x": "examples", "y": "mean"})
        return table[["quantity", "arm", "point", "examples", "seeds", "mean", "low", "high"]]

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        shown = [quantity for quantity in COLLAPSE if quantity in set(data["quantity"])]
        figure = canvas(0.3 + 0.75 * len(shown))
        panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
        lines: dict[str, Line2D] = {}
        for axes, quantity in zip(panels, shown, strict=True):
            rows = data[data["quantity"] == quantity]
            for arm, look in looks(results).items():
                if not (own := rows[rows["arm"] == arm]).empty:
                    lines[arm] = draw_mean(
                        axes, own.rename(columns={"examples": "x", "mean": "y"}), look, 0.2
                    )
            axes.set_title(_TITLES[quantity])
            if quantity == "mean_cosine":
                _draw_collapse(axes)
        panels[-1].set_xlim(left=0)
        panels[-1].set_xlabel("training examples (triples)")
        panels[-1].xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 2.5, 5, 10), integer=True))
        panels[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        names = [arm for arm in looks(results) if arm in lines]
        legend_below(figure, [Label(plain(arm), 0, lines[arm]) for arm in names])
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        courses = "; ".join(
            f"{quantity} of {arm} {_course(own)}"
            for (quantity, arm), own in data.groupby(["quantity", "arm"], sort=False)
        )
        return f"{self.caption} From the first point to the last: {courses}."


def _course(rows: pd.DataFrame) -> str:
    first, last = rows.iloc[0], rows.iloc[-1]
    between = f" [{measure(last['low'])}, {measure(last['high'])}]" if last["seeds"] > 2 else ""
    return f"{measure(first['mean'])} → {measure(last['mean'])}{between}"


def _draw_collapse(axes: Axes) -> None:
    axes.axhline(1.0, color=GREY, linewidth=points(0.7), linestyle="--", zorder=1)
    axes.set_ylim(top=1.0 + 0.17 * (1.0 - axes.get_ylim()[0]))
    axes.annotate(
        "collapsed",
        xy=(1, 1.0),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, points(1.5)),
        textcoords="offset points",
        ha="right",
        color=GREY,
        fontsize=points(6.5),
    )
