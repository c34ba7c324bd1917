"""How an arm gets better with the examples it sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.results import Results
from reports import figures
from reports.figures._curves import draw_arms, draw_references, set_range
from reports.figures._labels import fit, in_margin, outside
from reports.figures.base import Figure
from reports.reading import curves
from reports.style import canvas, looks
from reports.wording import count, measure, plain


@figures.register("convergence")
@dataclass(frozen=True)
class Convergence(Figure):
    """Quality on dev against training examples. Thin lines are seeds, thick ones their means, the
    black dashed one is the baseline; grey lines are references, which are not trained.
    """

    section: ClassVar[str] = "Reaching the baseline"

    def data(self, results: Results) -> pd.DataFrame:
        trained = curves(results, "final")
        if trained.empty:
            return trained
        return pd.concat([trained, curves(results, "reference")], ignore_index=True)

    def draw(self, results: Results, data: pd.DataFrame) -> matplotlib.figure.Figure:
        primary = results.study.primary
        trained = data[data["role"] == "final"]
        references = data[data["role"] == "reference"].set_index("arm")[primary]
        figure = canvas()
        axes = figure.subplots()
        set_range(axes, trained[primary], references)
        arms = draw_arms(axes, trained, "examples", primary, looks(results))
        others = draw_references(axes, references)
        if fit(axes, [*arms, *others]):
            in_margin(axes, [*arms, *others])
        else:
            outside(figure, [axes], arms, others)
        axes.set_xlabel("training examples (triples)")
        axes.set_ylabel(f"{plain(primary)} on dev-curve")
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 2.5, 5, 10), integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        return figure

    def alt(self, results: Results, data: pd.DataFrame) -> str:
        primary = results.study.primary
        ends = data[data["point"] == data.groupby("role")["point"].transform("max")]
        means = ends.groupby("arm", sort=False)[primary].mean()
        values = ", ".join(f"{arm} {measure(value)}" for arm, value in means.items())
        return f"{self.caption} {primary} at the last point: {values}."
