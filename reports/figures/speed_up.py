"""How many times sooner than the baseline an arm reaches the target, by each clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from bench.storage.clocks import CLOCKS
from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.headline_ratios import headline_ratios, missing, ratio_text, times
from reports.drawing.axes import set_log_scale
from reports.drawing.claims import claim_bounds, draw_claims
from reports.drawing.labels import legend_below, wrapped, write_in_row
from reports.figures.base import Figure
from reports.formatting import Row, named, plain
from reports.style import GREY, canvas, characters, looks, points

PITCH = 9.0  # points between two lines, of text or bars
FAR = 3.0  # intervals are cut at so many times the longest bar, so that a wide one hides no bar
FARTHEST = 200.0  # bars are cut here: train and warm speed-ups may be in the thousands
_STRENGTHS = dict(zip(CLOCKS, np.linspace(0.3, 1.0, len(CLOCKS)), strict=True))
_BOUNDS = {"": "", "≥": ">", "≤": "<", "~": "D"}


@figures.register("speed-up")
@dataclass(frozen=True)
class SpeedUp(Figure):
    """The baseline's charged seconds to the target ÷ the arm's: bars from 1, as fast, on a
    logarithmic axis. train is training alone; warm, and reading what was prepared; cold, and
    preparing all of it; tuned, and the tuning trials. Whiskers are 95 % intervals over seeds and
    dev-curve queries, dotted ones over seeds alone. A triangle marks a bound, as some runs did not
    get there: the truth is further on its way (≥, ≤); a diamond, a ratio of restricted means that
    may be off either way (~). What has no end goes on beyond the axis. Dotted vertical lines are
    the study's claims, if it has any, named below. At the right, who got there.
    """

    section: ClassVar[str] = "Reaching the baseline"
    wanted: ClassVar[str] = "has a target to get to, and a baseline to be compared with"

    def data(self, results: Analysis) -> pd.DataFrame:
        return headline_ratios(results)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure, clocks = canvas(), set(data["quantity"])
        axes = figure.subplots()
        _set_range(axes, data, [1.0, *claim_bounds(results, clocks)])
        name, *there = data.iloc[0][["baseline", "baseline reached", "baseline seeds"]]
        place, ticks = _head(axes, 0, f"{plain(name)} (baseline)", *there) + 0.3, {}
        for arm, own in data.groupby("arm", sort=False):
            first, known = own.iloc[0], own.dropna(subset="ratio")
            place = _head(axes, place, plain(arm), first["reached"], first["seeds"])
            if known.empty or not first["reached"]:
                write_in_row(axes, 0, place, missing(first), style="italic")
                place += 1
                own = known[known["bound"] != "~"]  # with no seed there, of horizons alone
            for row in own.to_dict("records"):
                ticks[place] = row["quantity"]
                _draw_bar(axes, place, row, looks(results)[str(arm)].colour)
                place += 1
            place += 0.3
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.tick_params(axis="y", length=0, labelsize=points(6))
        axes.spines["left"].set_visible(False)
        axes.set_ylim(place - 0.5, -0.8)
        figure.set_figheight((place + 4) * points(PITCH) / 72)
        legend_below(figure, draw_claims(axes, results, clocks))
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        rows = data.to_dict("records")
        values = "; ".join(
            f"{named(row['arm'])}, {row['quantity']} {ratio_text(row)}" for row in rows
        )
        return f"{self.caption} Beside {named(data['baseline'].iloc[0])}: {values}."


def _set_range(axes: Axes, data: pd.DataFrame, lines: list[float]) -> None:
    """The axis shows all bars and lines, and intervals up to `FAR`; with the line at 1."""
    bars = data["ratio"].dropna().clip(1 / FARTHEST, FARTHEST)
    low, high = min([*bars, *lines]), max([*bars, *lines])
    ends = data[["shown low", "shown high"]].stack().clip(low / FAR, high * FAR)
    left, right = min([low, *ends]), max([high, *ends])
    set_log_scale(axes, left / 1.2, right * 1.2, "{:,.10g}".format)
    label = f"speed-up to {data['target'].iloc[0]} (log scale)"
    axes.set_xlabel(wrapped(label, characters(0.7)))
    axes.axvline(1, color=GREY, linewidth=points(0.6), zorder=0)
    write_in_row(axes, 1, -1.2, "1×", transform=axes.transData, ha="center")


def _head(axes: Axes, place: float, name: str, reached: int, seeds: int) -> float:
    """An arm's name above its bars; the place of the first bar."""
    text = wrapped(name, characters(0.66))
    more = text.count("\n")
    write_in_row(axes, 1.02, place, f"{reached}/{seeds} there")
    write_in_row(axes, 0, place + more / 2, text, weight="bold")
    return place + more + 1


def _draw_bar(axes: Axes, place: float, row: Row, colour: str) -> None:
    """A bar from 1 with its interval, and its number at the right."""
    ratio, paleness = row["ratio"], 1 - _STRENGTHS[row["quantity"]]
    if pd.isna(ratio):
        write_in_row(axes, 0, place, missing(row), style="italic")
        return
    pale = [paleness + (1 - paleness) * part for part in to_rgb(colour)]
    axes.barh(place, ratio - 1, left=1, height=0.78, color=pale, zorder=1)
    thin: dict[str, Any] = {"color": "0.2", "markersize": points(3.5), "linewidth": points(0.7)}
    thin["linestyle"] = ":" if row["over"] == "seeds" else "-"
    axes.plot([row["shown low"], row["shown high"]], [place] * 2, marker="|", zorder=2, **thin)
    thin |= {"marker": _BOUNDS[row["bound"]], "markerfacecolor": "white"}
    axes.plot(ratio, place, markeredgewidth=points(0.6), zorder=3, **thin)
    write_in_row(axes, 1.02, place, times(row))
