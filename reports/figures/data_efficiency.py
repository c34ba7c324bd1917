"""The examples and labels that an arm needs to reach a target, as shares of the baseline's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.data_fraction import fractions_table
from reports.analysis.speed import speed_table, with_shown
from reports.analysis.targets import to_target
from reports.drawing.claims import claim_bounds, draw_claims
from reports.drawing.labels import legend_below
from reports.figures._forest import LINE, draw_forest, line_count, missing, set_range
from reports.figures.base import Figure
from reports.formatting import Row, named, spanned
from reports.style import canvas, looks, points

_TITLES = {"examples": "training examples", "labels": "labels, trained on shares of the data"}
_COLUMNS = [
    *("quantity", "target", "gain", "arm", "seeds", "reached", "untrained", "bound", "ratio"),
    *("low", "high", "over", "baseline", "baseline seeds", "baseline reached"),
]


@figures.register("data-efficiency")
@dataclass(frozen=True)
class DataEfficiency(Figure):
    """What an arm needs to get to a target, in % of what the baseline needs: left of 100 % it needs
    less. A line a target, the headline's first and larger; 99 % is of what the baseline gains. Bars
    are 95 % intervals over seeds and dev-curve queries, dotted ones over seeds alone. Where some
    runs did not get there within the budget symbols are open: a triangle points to where the truth
    may be (≥, ≤), a diamond is a ratio of restricted means that may be off either way (~). In
    brackets, how many seeds got there. Labels are beside the baseline's on all train queries.
    Dotted vertical lines are the study's claims, if it has any, named below.
    """

    section: ClassVar[str] = "Reaching the baseline"
    wanted: ClassVar[str] = "has a target to get to, and a baseline to be compared with"

    def data(self, results: Analysis) -> pd.DataFrame:
        """A row a quantity, target and arm; ``over`` says what low and high are over."""
        runs, speed, labels = to_target(results), speed_table(results), fractions_table(results)
        runs = runs[runs["quality"].notna()].assign(untrained=runs["point"] == 0)
        untrained = runs.groupby(["target", "arm"])["untrained"].sum()
        speed = speed[speed["quantity"] == "examples"]
        speed = speed.join(untrained, on=["target", "arm"], how="inner")
        labels = labels[labels["quality"].notna()].rename(columns={"fraction": "ratio"})
        parts = [speed, labels.assign(quantity="labels", baseline=results.study.baseline)]
        rows = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
        rows = with_shown(rows)
        rows = rows.assign(low=rows["shown low"], high=rows["shown high"])
        return rows.reindex(columns=_COLUMNS)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = canvas()
        parts = list(data.groupby("quantity", sort=False))
        lines = [line_count(own) for _, own in parts]
        panels = figure.subplots(len(parts), sharex=True, squeeze=False, height_ratios=lines)[:, 0]
        bounds, claims = claim_bounds(results, set(data["quantity"])), []
        for axes, (quantity, own) in zip(panels, parts, strict=True):
            set_range(axes, data, bounds)
            axes.set_title(_TITLES[str(quantity)])
            draw_forest(axes, own, looks(results))
            claims += draw_claims(axes, results, [str(quantity)])
        panels[-1].set_xlabel("% of the baseline's (log scale)")
        figure.set_figheight((sum(lines) + 2 * len(parts) + 3.2) * points(LINE) / 72)
        legend_below(figure, claims)
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        values = "; ".join(map(_describe, data.to_dict("records")))
        return f"{self.caption} Ratios to {named(results.study.baseline)}: {values}."


def _describe(row: Row) -> str:
    times = spanned(row["ratio"], row["low"], row["high"], row["bound"])
    there = f"{row['reached']} of {row['seeds']} seeds there"
    said = f"{times} times, {there}" if row["ratio"] > 0 else missing(row)
    return f"{named(row['arm'])}, {row['quantity']} to {row['target']}: {said}"
