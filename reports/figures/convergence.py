"""How an arm gets better with the examples it sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.selectors import curves
from reports.analysis.targets import to_target
from reports.drawing.curves import draw_arms, draw_references, means, set_range
from reports.drawing.labels import fit, in_margin, outside
from reports.figures._target import draw_crossings, draw_target
from reports.figures.base import Figure
from reports.formatting import count, measure, plain
from reports.style import canvas, looks


@figures.register("convergence")
@dataclass(frozen=True)
class Convergence(Figure):
    """Quality on dev against training examples: means over seeds with 95 % intervals (Student's t),
    thin lines for seeds where there are fewer than three. Grey lines are references, which are not
    trained; the black one across is the target. A symbol at the foot is the number of examples, in
    the mean, with which an arm's seeds got there, each at the first of two points in a row at or
    above the target; only arms that got there with all of their seeds have one.
    """

    section: ClassVar[str] = "Reaching the baseline"

    def data(self, results: Analysis) -> pd.DataFrame:
        """The curves; beside each point the arm's mean with its interval, the target, and how many
        of the arm's seeds got there, with how many examples (crossing: of all; inf otherwise).
        """
        trained = curves(results, "final")
        if trained.empty:
            return trained
        mean = means(trained, "examples", results.study.primary).drop(columns=["x", "seeds"])
        known = trained.merge(mean.rename(columns={"y": "mean"}), "left", on=["arm", "point"])
        known = known.merge(_crossings(results), "left", on="arm")
        return pd.concat([known, curves(results, "reference")], ignore_index=True)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        primary = results.study.primary
        trained = data[data["role"] == "final"]
        references = data[data["role"] == "reference"].set_index("arm")[primary]
        target = trained.drop_duplicates("target").set_index("target")["quality"].dropna()
        figure = canvas()
        axes = figure.subplots()
        across, bounds = pd.concat([references, target]), trained[["low", "high"]].stack()
        set_range(axes, trained[primary], across, bounds)
        arms = draw_arms(axes, trained, "examples", primary, looks(results))
        others = draw_references(axes, references)
        for name, quality in target.items():
            draw_target(axes, str(name), quality)
            draw_crossings(axes, trained.drop_duplicates("arm"), looks(results))
        if fit(axes, [*arms, *others]):
            in_margin(axes, [*arms, *others])
        else:
            outside(figure, [axes], arms, others)
        axes.set_xlabel("training examples (triples)")
        axes.set_ylabel(f"{plain(primary)} on dev-curve")
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 2.5, 5, 10), integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        primary = results.study.primary
        shown = data["mean"].fillna(data[primary].where(data["role"] == "reference"))
        ends = shown.groupby(data["arm"], sort=False).last()
        values = ", ".join(f"{arm} {measure(value)}" for arm, value in ends.items())
        said = f"{self.caption} {primary} at the last point: {values}."
        rows = data[data["role"] == "final"].drop_duplicates("arm").dropna(subset="quality")
        if rows.empty:
            return said
        target = rows.iloc[0]
        there = "; ".join(map(_told, rows.to_dict("records")))
        return f"{said} To {target['target']} ({measure(target['quality'])}): {there}."


def _crossings(results: Analysis) -> pd.DataFrame:
    """To the headline's target, a row an arm."""
    runs = to_target(results)
    runs = runs[runs["target"].isin(runs["target"].iloc[:1])]
    over_seeds = runs.groupby("arm", sort=False).agg(
        target=("target", "first"),
        quality=("quality", "first"),
        seeds=("seed", "size"),
        reached=("reached", "sum"),
        crossing=("examples", "mean"),
    )
    return over_seeds.reset_index()


def _told(row: dict) -> str:
    if not row["reached"]:
        return f"{row['arm']} not within the budget"
    if row["reached"] < row["seeds"]:
        return f"{row['arm']} with {row['reached']:.0f} of {row['seeds']:.0f} seeds"
    return f"{row['arm']} with {count(row['crossing'])} examples"
