"""Names beside lines where they fit, in a legend below the axes where they do not."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib
import matplotlib.figure
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reports.style import characters, points

LONGEST = 0.29
"""Of a figure's width, the share that the margin has room for."""

LEGEND_WIDTH = 0.74
LEGEND_LINE = 1.5  # heights of the text


@dataclass(frozen=True)
class Label:
    """The name of a line, and where it ends: 0 is the bottom of the axes, 1 the top."""

    text: str
    height: float
    line: Line2D

    def edge(self, gap: float) -> float:
        """Where its label belongs; that of a line beyond the axes is just beyond them."""
        return min(max(self.height, -gap), 1 + gap)

    @property
    def short(self) -> bool:
        return len(self.text) <= characters(LONGEST)


def gap_in(axes: Axes) -> float:
    """Least distance of two labels in the margin, as a share of the axes' height."""
    place, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    assert figure is not None
    panels = place.get_gridspec().nrows if place else 1
    height = figure.get_figheight() / panels
    return 1.6 * matplotlib.rcParams["font.size"] / (0.77 * 72 * height)


def fit(axes: Axes, labels: Sequence[Label]) -> bool:
    """Whether all of them can stand in the margin exactly where they belong."""
    gap = gap_in(axes)
    heights = sorted(label.edge(gap) for label in labels)
    apart = all(above - below >= gap for below, above in pairwise(heights))
    return apart and all(label.short for label in labels)


def outside(
    figure: matplotlib.figure.Figure,
    panels: Sequence[Axes],
    arms: Sequence[Label],
    references: Sequence[Label],
) -> None:
    """References in the margin of every panel if they are short; everything else below."""
    if all(label.short for label in references):
        for axes in panels:
            in_margin(axes, references)
        legend_below(figure, arms)
    else:
        legend_below(figure, [*arms, *references])


def in_margin(axes: Axes, labels: Sequence[Label]) -> None:
    """Write them to the right of the axes, moved apart where they would overlap."""
    gap = gap_in(axes)
    edges = [label.edge(gap) for label in labels]
    for label, edge, place in zip(labels, edges, move_apart(edges, gap), strict=True):
        colour = label.line.get_color()
        moved = edge == label.height and abs(place - label.height) > 0.01
        axes.annotate(
            label.text,
            xy=(1.0, edge),
            xytext=(1.05, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=points(6.5),
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": points(0.4), "color": colour} if moved else None,
        )


def move_apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in the same order, at least ``gap`` apart, none above the axes' upper margin."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = list(wanted)
    for below, above in pairwise(order):
        places[above] = max(places[above], places[below] + gap)
    ceiling = 1 + gap
    for index in reversed(order):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return places


def legend_below(figure: matplotlib.figure.Figure, labels: Sequence[Label]) -> None:
    """A legend outside the axes; the figure grows by its height."""
    named_below(figure, [label.line for label in labels], [label.text for label in labels])


def named_below(
    figure: matplotlib.figure.Figure, handles: Sequence[Artist], names: Sequence[str]
) -> None:
    """The same of whatever is drawn, such as bars and areas."""
    if not names:
        return
    texts = [wrapped(name, characters(LEGEND_WIDTH)) for name in names]
    columns = 2 if max(map(len, texts)) <= characters(LEGEND_WIDTH) // 2 - 4 else 1
    lines = math.ceil(sum(text.count("\n") + 1 for text in texts) / columns)
    line = LEGEND_LINE * matplotlib.rcParams["font.size"] / 72
    figure.set_figheight(figure.get_figheight() + line * (lines + 1))
    figure.legend(list(handles), texts, loc="outside lower center", ncols=columns)


def write_in_row(axes: Axes, at: float, place: float, text: str, **how: Any) -> None:
    """Text on white in a row at ``place``; ``at`` is a share of the axes' width."""
    usual: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": points(6.3)}
    usual["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0}
    axes.text(at, place, text, va="center", **usual | how)


def wrapped(name: str, width: int) -> str:
    """On at most three lines of so many characters."""
    return "\n".join(textwrap.wrap(name, width, max_lines=3, placeholder=" …"))
