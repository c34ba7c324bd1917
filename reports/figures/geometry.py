"""Whether students nearer to their teacher's vectors are nearer to its quality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.results import ERRORS
from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.statistics import interval
from reports.analysis.teacher_agreement import student_runs, theory_table
from reports.drawing.labels import Label, legend_below, wrapped
from reports.figures.base import Figure
from reports.formatting import measure, p_value, plain, plus_minus, signed
from reports.style import GREY, LineStyle, canvas, characters, looks, points

_OF = {"query_error": "queries", "document_error": "documents"}


@figures.register("geometry")
@dataclass(frozen=True)
class Geometry(Figure):
    """How much lower a student's quality on dev-curve is than its teacher's, against how far its
    vectors are from the teacher's on average, for queries and for documents. Symbols are means over
    seeds with 95 % intervals over seeds in both directions (Student's t, from three seeds on); pale
    dots are the seeds. ρ is Spearman's over the arms' means, p by permutation, from four arms on:
    the bound of EmbedDistill (arXiv 2301.12005) grows with both distances, so it expects ρ above 0.
    Students of another width than their teacher have no distance.
    """

    section: ClassVar[str] = "Students and teachers"
    wanted: ClassVar[str] = "has vectors as wide as those of a teacher that was measured"

    def data(self, results: Analysis) -> pd.DataFrame:
        runs, rows = student_runs(results), []
        for error in ERRORS:
            known = runs[runs["teacher"] != ""].dropna(subset=[error, "gap"])
            for arm, own in known.groupby("arm", sort=False):
                labels = {"error": error, "arm": arm, "teacher": own["teacher"].iloc[0]}
                rows.append({**labels, "role": "mean", **_spread(own, error)})
                rows += [
                    {**labels, "role": "final", "seed": seed, "distance": distance, "gap": gap}
                    for seed, distance, gap in own[["seed", error, "gap"]].itertuples(index=False)
                ]
        tested = theory_table(results)[["teacher", "error", "arms", "correlation", "p"]]
        return pd.DataFrame(rows).merge(tested, "left") if rows else pd.DataFrame()

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        shown = [error for error in ERRORS if error in set(data["error"])]
        figure = canvas(1.15)
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        symbols: dict[str, Line2D] = {}
        for axes, error in zip(panels, shown, strict=True):
            rows = data[data["error"] == error]
            for arm, look in looks(results).items():
                if not (own := rows[rows["arm"] == arm]).empty:
                    symbols[arm] = _draw_arm(axes, own, look)
            axes.axhline(0, color=GREY, linewidth=points(0.7), zorder=1)
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.set_xlabel(f"mean distance\nof {_OF[error]}")
            found = [wrapped(line, characters(0.45)) for line in _correlations(rows)]
            axes.set_title("\n".join(found), fontsize=points(6.5))
        figure.supylabel(f"{plain(results.study.primary)} below the teacher's")
        names = [arm for arm in looks(results) if arm in symbols]
        legend_below(figure, [Label(plain(arm), 0, symbols[arm]) for arm in names])
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        means = data[data["role"] == "mean"]
        told = [_told(row) for row in means.to_dict("records")]
        for error, rows in means.groupby("error", sort=False):
            told += [f"{_OF[str(error)]}: {line}" for line in _correlations(rows)]
        return f"{self.caption} {'; '.join(told)}."


def _told(row: dict) -> str:
    at, gap = (measure(row[name]) + plus_minus(row, name) for name in ("distance", "gap"))
    return f"{_OF[row['error']]} of {row['arm']} at {at}, gap {gap}"


def _spread(runs: pd.DataFrame, error: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, values in (("distance", runs[error]), ("gap", runs["gap"])):
        mean, low, high = interval(values)
        found |= {name: mean, f"{name} low": low, f"{name} high": high}
    return found


def _correlations(rows: pd.DataFrame) -> Iterator[str]:
    """What is known of each teacher's students."""
    teachers = rows.drop_duplicates("teacher")
    for row in teachers.to_dict("records"):
        if not math.isnan(row["correlation"]):
            whose = f"{plain(row['teacher'])}: " if len(teachers) > 1 else ""
            yield f"{whose}ρ = {signed(row['correlation'], 2)}, p = {p_value(row['p'])}"


def _draw_arm(axes: Axes, rows: pd.DataFrame, look: LineStyle) -> Line2D:
    seeds, mean = rows[rows["role"] == "final"], rows[rows["role"] == "mean"].iloc[0]
    (dots,) = axes.plot(seeds["distance"], seeds["gap"], "o", color=look.colour, alpha=0.45)
    dots.set(markersize=points(2.2), markeredgewidth=0)
    distance, gap = mean["distance"], mean["gap"]
    across = ([mean["distance low"], mean["distance high"]], [gap, gap])
    along = ([distance, distance], [mean["gap low"], mean["gap high"]])
    for bar in (across, along):
        axes.plot(*bar, color=look.colour, linewidth=points(0.8), zorder=3)
    (symbol,) = axes.plot(distance, gap, **look.symbol, linestyle="none", zorder=4)
    symbol.set_markersize(points(4.5))
    return symbol
