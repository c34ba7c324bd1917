"""Quality by the share of the data that an arm was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.data_fraction import shares_table
from reports.drawing.axes import set_log_scale
from reports.drawing.claims import draw_claims
from reports.drawing.curves import beyond, height_of, set_range
from reports.drawing.labels import Label, fit, in_margin, legend_below
from reports.figures._target import name_line
from reports.figures.base import Figure
from reports.formatting import plain, spanned
from reports.style import LineStyle, canvas, looks, points

APART = 1.45
"""Least ratio of two shares that both have a tick."""


@figures.register("data-fraction")
@dataclass(frozen=True)
class DataFraction(Figure):
    """Quality on test against the share of the train queries that an arm was given; shares are
    nested, and on each an arm is tuned and trained anew with the whole budget. Symbols are means
    over seeds, bars 95 % intervals over seeds (Student's t; none with fewer than three), side by
    side where arms share a place. The dashed line is the baseline with all train queries;
    dotted ones are the study's claims, if it has any, named below.
    """

    section: ClassVar[str] = "Data"
    wanted: ClassVar[str] = "was given a share of the train queries: that takes train_shares"

    def data(self, results: Analysis) -> pd.DataFrame:
        """A row an arm and share; quality, low and high are on ``part``, the first test; baseline
        is the baseline's quality with all train queries."""
        table = shares_table(results)
        part = "test" if table["test"].notna().any() else "dev"
        name = results.study.test[0] if part == "test" else "dev-curve"
        shown = {"quality": part, "low": f"{part} low", "high": f"{part} high"}
        values = {column: table[source] for column, source in shown.items()}
        whole = (table["arm"] == results.study.baseline) & (table["train_share"] == 1)
        rows = table.assign(part=name, **values, baseline=table.loc[whole, part].mean())
        return rows.dropna(subset="quality").reset_index(drop=True)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = canvas()
        axes = figure.subplots()
        shares = data["train_share"]
        set_log_scale(axes, shares.min() / 1.15, 1.15, lambda share: f"{100 * share:.4g}")
        axes.xaxis.set_major_locator(FixedLocator(_ticks(shares)))
        whole = data["baseline"].iloc[:1].dropna()
        set_range(axes, data["quality"], whole, data[["low", "high"]].stack())
        for value in whole:
            axes.axhline(value, color="black", linewidth=points(0.6), linestyle=(0, (4, 2)))
            name_line(axes, value, f"baseline, all queries{beyond(axes, value)}")
        claims = draw_claims(axes, results, ["labels"])
        shown = {arm: look for arm, look in looks(results).items() if arm in set(data["arm"])}
        middle, step = (len(shown) - 1) / 2, (1.3 / shares.min()) ** min(0.015, 0.12 / len(shown))
        labels = [
            _draw_arm(axes, data[data["arm"] == arm], look, step ** (at - middle))
            for at, (arm, look) in enumerate(shown.items())
        ]
        if fit(axes, labels):
            in_margin(axes, labels)
            labels = []
        legend_below(figure, [*labels, *claims])
        axes.set_xlabel("% of the train queries (log scale)")
        axes.set_ylabel(f"{plain(results.study.primary)} on {plain(data['part'].iloc[0])}")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        told = "; ".join(_describe(str(arm), own) for arm, own in data.groupby("arm", sort=False))
        return f"{self.caption} {results.study.primary} on {data['part'].iloc[0]}: {told}."


def _describe(arm: str, rows: pd.DataFrame) -> str:
    values = [
        f"{spanned(row['quality'], row['low'], row['high'])} with {100 * row['train_share']:.4g} %"
        for row in rows.to_dict("records")
    ]
    return f"{arm} {', '.join(values)}"


def _ticks(shares: pd.Series) -> list[float]:
    """Ticks at the shares, from all of the data down, where there is room for their numbers."""
    kept: list[float] = []
    for share in sorted(shares.unique(), reverse=True):
        if not kept or kept[-1] / share >= max(APART, shares.min() ** -0.1):
            kept.append(float(share))
    return kept


def _draw_arm(axes: Axes, rows: pd.DataFrame, look: LineStyle, aside: float) -> Label:
    """A line of means with bars, moved to the right by the factor ``aside``."""
    rows = rows.sort_values("train_share")
    places = rows["train_share"] * aside
    thin = points(0.8)
    axes.vlines(places, rows["low"], rows["high"], look.colour, linewidth=thin, alpha=0.8, zorder=2)
    (line,) = axes.plot(
        places,
        rows["quality"],
        **look.symbol,
        linestyle=look.line,
        linewidth=points(1.1),
        markersize=points(3.8),
        zorder=3,
    )
    return Label(plain(rows["arm"].iloc[0]), height_of(axes, rows["quality"].iloc[-1]), line)
