"""Forest plots: a panel a study, a row an arm, and how it compares with the study's baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

import matplotlib
import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports.analysis.base import Analysis
from reports.drawing.claims import claim_bounds, draw_claims
from reports.drawing.labels import wrapped
from reports.figures.base import Figure
from reports.figures.options import Selection
from reports.formatting import Row, named, plain
from reports.style import GREY, LineStyle, canvas, characters, looks, points

ABREAST = 3
"""At most this many panels stand side by side, and only if the names are short."""

NAMES = 0.33
"""Share of the figure's width for the names of arms; longer ones are wrapped."""

ROW, PADDING = 1.35, 0.45
"""Heights of a line of a name and of the gap between two rows, in heights of the text."""

HEAD, FOOT = 1.9, 4.2
"""Heights of a panel's title of one line and of the axis with its label, in the same unit."""


@dataclass(frozen=True)
class Forest(Figure):
    """A forest plot. `data` gives the rows of one study with the columns arm, baseline, value, low,
    high (NaN where unknown), over (what the interval is over), bound, and missing (the text where
    there is no value).
    """

    most: ClassVar[int] = 30
    equal_at: ClassVar[float]  # the value of an arm that is as good as the baseline
    quantity: ClassVar[str] = ""  # of claims that belong to this figure

    def beside(self, studies: Mapping[str, Selection]) -> matplotlib.figure.Figure:
        """The figure of several studies, a panel each."""
        analyses = [one.results for one in studies.values()]
        figure, styles = canvas(), _styles(analyses)
        panels = [Panel.of(label, one.rows) for label, one in studies.items()]
        if abreast := _fit(panels):
            union = list(dict.fromkeys(arm for panel in panels for arm in panel.arms))
            panels = [Panel(panel.title, panel.rows, union) for panel in panels]
        width = 0.9 * (1 - NAMES) / (len(panels) if abreast else 1)
        titles = [wrapped(panel.title, characters(width)) for panel in panels]
        heads = [HEAD + text.count("\n") for text in titles]
        tall = max if abreast else sum
        lines = tall(head + panel.edges[-1] for head, panel in zip(heads, panels, strict=True))
        figure.set_figheight((lines + FOOT) * matplotlib.rcParams["font.size"] / 72)
        shape: dict[str, Any] = {"ncols" if abreast else "nrows": len(panels), "squeeze": False}
        if not abreast:
            shape["height_ratios"] = [panel.edges[-1] for panel in panels]
        grid = figure.subplots(**shape, sharex=True, sharey=abreast).ravel()
        known = pd.concat([panel.rows[["value", "low", "high"]].stack() for panel in panels])
        bounds = [bound for of in analyses for bound in claim_bounds(of, [self.quantity])]
        self.set_range(grid[0], [self.equal_at, *known, *bounds])
        below = [self.axis(analyses)]
        for axes, panel, title, of in zip(grid, panels, titles, analyses, strict=True):
            axes.set_title(title)
            panel.set_rows(axes)
            axes.axvline(self.equal_at, color=GREY, linewidth=points(0.7), zorder=1)
            below += [f"dotted: {label.text}" for label in draw_claims(axes, of, [self.quantity])]
            for row in panel.rows.to_dict("records"):
                self._draw_row(axes, panel.place(row["arm"]), row, styles[row["arm"]])
            axes.label_outer()
        # Claims are named in the axis label because a legend would be drawn over it.
        label, *claims = (wrapped(text, characters(0.9)) for text in dict.fromkeys(below))
        figure.supxlabel("\n".join([label, *claims]))
        lines = ROW * sum(claim.count("\n") + 1 for claim in claims)
        figure.set_figheight(figure.get_figheight() + lines * matplotlib.rcParams["font.size"] / 72)
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        rows = data.to_dict("records")
        told = "; ".join(f"{named(row['arm'])} {self.value_text(row)}" for row in rows)
        return f"beside {named(rows[0]['baseline'])}, {told}"

    def value_text(self, row: Row) -> str:
        """A row's value with its interval, in words."""
        raise NotImplementedError

    def axis(self, studies: Sequence[Analysis]) -> str:
        """The label of the horizontal axis."""
        raise NotImplementedError

    def set_range(self, axes: Axes, values: Sequence[float]) -> None:
        """Limits and ticks, the same for all panels, with all these values in sight."""
        raise NotImplementedError

    def _draw_row(self, axes: Axes, place: float, row: Row, look: LineStyle) -> None:
        if np.isnan(row["value"]):
            _write(axes, place, row["missing"], axes.get_yaxis_transform(), 0.5, "center")
            return
        low, high = row["low"], row["high"]
        apart = (low > self.equal_at and row["bound"] in ("", "≥")) or (
            high < self.equal_at and row["bound"] in ("", "≤")
        )
        line: dict[str, Any] = {"color": look.colour, "linewidth": points(1.0), "zorder": 2}
        if not np.isnan(low):
            dotted = (0, (1, 1)) if row["over"] == "seeds" else "-"
            axes.plot([low, high], [place, place], linestyle=dotted, **line)
        face = look.colour if apart else "white"
        symbol = look.symbol | {"markerfacecolor": face, "markersize": points(4)}
        axes.plot(row["value"], place, **symbol, zorder=3)
        end = high if row["bound"] != "≤" else low
        _mark_bound(axes, row["value"] if np.isnan(end) else end, place, row["bound"], look.colour)


@dataclass(frozen=True)
class Panel:
    """The panel of one study, with a row for each of these arms."""

    title: str
    rows: pd.DataFrame
    arms: Sequence[str]

    @classmethod
    def of(cls, label: str, rows: pd.DataFrame) -> Panel:
        return cls(f"{label}: beside {plain(rows['baseline'].iloc[0])}", rows, list(rows["arm"]))

    @property
    def names(self) -> list[str]:
        return [wrapped(plain(arm), characters(NAMES)) for arm in self.arms]

    @property
    def edges(self) -> list[float]:
        """Where each row begins, and where the last one ends, in heights of the text."""
        heights = [ROW * (name.count("\n") + 1) + PADDING for name in self.names]
        return [0.0, *accumulate(heights)]

    def place(self, arm: str) -> float:
        at = self.arms.index(arm)
        return (self.edges[at] + self.edges[at + 1]) / 2

    def set_rows(self, axes: Axes) -> None:
        places = [self.place(arm) for arm in self.arms]
        axes.set_yticks(places, self.names)
        axes.set_ylim(self.edges[-1], 0)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        for place in places:
            axes.axhline(place, color="0.93", linewidth=points(0.6), zorder=0)


def _styles(studies: Sequence[Analysis]) -> dict[str, LineStyle]:
    """The line styles of all arms that are compared with a baseline."""
    return {
        arm: look
        for results in studies
        for arm, look in looks(results).items()
        if arm != results.study.baseline
    }


def _fit(panels: Sequence[Panel]) -> bool:
    """Whether the panels can stand beside each other."""
    short = all("\n" not in name for panel in panels for name in panel.names)
    return len(panels) <= ABREAST and short


def _mark_bound(axes: Axes, value: float, place: float, bound: str, colour: str) -> None:
    """An arrow in the direction in which the true value may lie; ``~`` where it may be either."""
    if bound == "~":
        _write(axes, place, "~", axes.transData, value, "left", points(2.5))
    elif bound:
        reach = points(9) if bound == "≥" else -points(9)
        arrow = {"arrowstyle": "<-", "color": colour, "linewidth": points(1.0)}
        axes.annotate(
            "",
            (value, place),
            (reach, 0),
            textcoords="offset points",
            arrowprops=arrow | {"shrinkA": 0, "shrinkB": 0},
        )


def _write(
    axes: Axes, place: float, text: str, where: Any, at: float, side: str, off: float = 0.0
) -> None:
    axes.annotate(
        text,
        (at, place),
        (off, 0),
        xycoords=where,
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=points(6),
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": points(0.6)},
        zorder=4,
    )
