"""Forest plots: a panel a study, a row an arm, and how it compares with the study's baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import matplotlib
import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports.analysis.base import Analysis
from reports.drawing.claims import claim_bounds, draw_claims
from reports.drawing.labels import wrapped
from reports.drawing.rows import set_rows
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
        if abreast := _fit_abreast(panels):
            every = list(dict.fromkeys(arm for panel in panels for arm in panel.arms))
            panels = [replace(panel, arms=every) for panel in panels]
        grid = _arrange(figure, panels, abreast)
        known = pd.concat([panel.rows[["value", "low", "high"]].stack() for panel in panels])
        bounds = [bound for of in analyses for bound in claim_bounds(of, [self.quantity])]
        self.set_range(grid[0], [self.equal_at, *known, *bounds])
        claims: list[str] = []
        for axes, panel, of in zip(grid, panels, analyses, strict=True):
            places = panel.draw_rows(axes)
            axes.axvline(self.equal_at, color=GREY, linewidth=points(0.7), zorder=1)
            for row in panel.rows.to_dict("records"):
                self._draw_row(axes, places[row["arm"]], row, styles[row["arm"]])
            claims += [label.text for label in draw_claims(axes, of, [self.quantity])]
            axes.label_outer()
        _write_below(figure, self.axis(analyses), list(dict.fromkeys(claims)))
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
    def heights(self) -> np.ndarray:
        """The heights of the rows, in heights of the text."""
        return np.array([ROW * (name.count("\n") + 1) + PADDING for name in self.names])

    def draw_rows(self, axes: Axes) -> dict[str, float]:
        """Draw the names with a pale line for each; their places by arm."""
        places = set_rows(axes, self.names, self.heights)
        for place in places:
            axes.axhline(place, color="0.93", linewidth=points(0.6), zorder=0)
        return dict(zip(self.arms, places, strict=True))


def _styles(studies: Sequence[Analysis]) -> dict[str, LineStyle]:
    """The line styles of all arms that are compared with a baseline."""
    return {
        arm: look
        for results in studies
        for arm, look in looks(results).items()
        if arm != results.study.baseline
    }


def _fit_abreast(panels: Sequence[Panel]) -> bool:
    """Whether the panels fit side by side."""
    short = all("\n" not in name for panel in panels for name in panel.names)
    return len(panels) <= ABREAST and short


def _arrange(
    figure: matplotlib.figure.Figure, panels: Sequence[Panel], abreast: bool
) -> np.ndarray:
    """The axes of the panels, with titles; the figure becomes as high as they need."""
    width = 0.9 * (1 - NAMES) / (len(panels) if abreast else 1)
    titles = [wrapped(panel.title, characters(width)) for panel in panels]
    heights = [panel.heights.sum() for panel in panels]
    needed = [HEAD + title.count("\n") + high for title, high in zip(titles, heights, strict=True)]
    lines = (max if abreast else sum)(needed) + FOOT
    figure.set_figheight(lines * matplotlib.rcParams["font.size"] / 72)
    shape: dict[str, Any] = {"ncols": len(panels)} if abreast else {"nrows": len(panels)}
    ratios = None if abreast else heights
    grid = figure.subplots(
        **shape, height_ratios=ratios, squeeze=False, sharex=True, sharey=abreast
    )
    for axes, title in zip(grid.ravel(), titles, strict=True):
        axes.set_title(title)
    return grid.ravel()


def _write_below(figure: matplotlib.figure.Figure, label: str, claims: Sequence[str]) -> None:
    """The axis label with the claims, over which a legend would be drawn."""
    named = [wrapped(f"dotted: {claim}", characters(0.9)) for claim in claims]
    figure.supxlabel("\n".join([wrapped(label, characters(0.9)), *named]))
    lines = ROW * sum(text.count("\n") + 1 for text in named)
    figure.set_figheight(figure.get_figheight() + lines * matplotlib.rcParams["font.size"] / 72)


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
