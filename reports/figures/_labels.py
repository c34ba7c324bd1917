"""Names beside lines where they fit, in a legend below the axes where they do not."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

GAP = 0.09
"""Least distance of two labels in the margin, as a share of the axes' height."""

LONGEST = 18
"""Characters that the margin of a column-wide figure has room for."""

LEGEND_WIDTH = 46
LEGEND_LINE = 0.145  # inches


@dataclass(frozen=True)
class Label:
    """The name of a line, and where it ends: 0 is the bottom of the axes, 1 the top."""

    text: str
    height: float
    line: Line2D

    @property
    def edge(self) -> float:
        """Where its label belongs; that of a line beyond the axes is just beyond them."""
        return min(max(self.height, -GAP), 1 + GAP)

    @property
    def short(self) -> bool:
        return len(self.text) <= LONGEST


def fit(labels: Sequence[Label]) -> bool:
    """Whether all of them can stand in the margin exactly where they belong."""
    heights = sorted(label.edge for label in labels)
    apart = all(above - below >= GAP for below, above in pairwise(heights))
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
    places = move_apart([label.edge for label in labels], GAP)
    for label, place in zip(labels, places, strict=True):
        colour = label.line.get_color()
        moved = label.edge == label.height and abs(place - label.height) > 0.01
        axes.annotate(
            label.text,
            xy=(1.0, label.edge),
            xytext=(1.05, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=6.5,
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": colour} if moved else None,
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
    if not labels:
        return
    texts = [_wrapped(label.text) for label in labels]
    columns = 2 if max(map(len, texts)) <= LEGEND_WIDTH // 2 - 4 else 1
    lines = math.ceil(sum(text.count("\n") + 1 for text in texts) / columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * (lines + 1))
    handles = [label.line for label in labels]
    figure.legend(handles, texts, loc="outside lower center", ncols=columns)


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, LEGEND_WIDTH, max_lines=3, placeholder=" …"))
