"""A table of differences on colours: its cells, what stands above its columns, and its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.figure
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from reports.drawing.labels import named_below, wrapped
from reports.formatting import plain
from reports.style import points

COLOURS = LinearSegmentedColormap.from_list("differences", ["#E69F00", "white", "#56B4E9"])
"""From worse (0) to better (1): Okabe & Ito's orange and sky blue, on which black is read."""

FRAME = 1.4
"""Points of the border of a cell that is not filled."""

WIDTH, HEIGHT = 0.94, 1.4
"""Of a cell, in columns and in heights of the text."""

TEXT = 5.7
"""Points."""

LONGEST = 7
"""Characters of a line above a column."""


def draw_cell(axes: Axes, x: float, y: float, share: float, filled: bool) -> None:
    """A colour or a frame of it; around each a grey line, lest pale ones vanish.

    Args:
        share: −1 for as bad as it gets, 1 for as good.
    """
    colour, corner = COLOURS((1 + share) / 2), (x - WIDTH / 2, y - HEIGHT / 2)
    ground = {"facecolor": colour if filled else "white", "edgecolor": colour}
    for look, width in (({"color": "0.85"}, FRAME + 0.8), (ground, FRAME)):
        axes.add_patch(Rectangle(corner, WIDTH, HEIGHT, linewidth=points(width), **look))


def draw_number(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=points(TEXT))


def draw_header(axes: Axes, columns: Mapping[float, str], groups: Mapping[str, float]) -> None:
    """Names above columns, and above these the names of groups of them, each at its place."""
    names = [wrapped(plain(name), LONGEST) for name in columns.values()]
    axes.set_xlim(min(columns) - 0.5, max(columns) + 0.5)
    axes.set_xticks(list(columns), names)
    ticks = {"top": False, "bottom": False, "labeltop": True, "labelbottom": False}
    axes.tick_params(axis="x", labelsize=points(TEXT), length=0, pad=points(1), **ticks)
    axes.spines["bottom"].set_visible(False)
    lines = max(name.count("\n") + 1 for name in names)
    for name, place in groups.items():
        axes.annotate(
            wrapped(plain(name), 2 * LONGEST),
            (place, 1),
            (0, points(3 + 1.3 * TEXT * lines)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=points(6.5),
        )


def draw_key(figure: matplotlib.figure.Figure, framed: str, marked: str) -> None:
    """Below the figure: what colours, frames and, where there is one, an asterisk mean."""
    handles: dict[str, Artist] = {
        "better": Patch(color=COLOURS(1.0)),
        "worse": Patch(color=COLOURS(0.0)),
        framed: Patch(facecolor="white", edgecolor=COLOURS(1.0), linewidth=points(FRAME)),
    }
    if marked:
        asterisk: dict[str, Any] = {"marker": (6, 2, 0), "markersize": points(3.5), "linestyle": ""}
        handles[marked] = Line2D([], [], color="black", **asterisk)
    named_below(figure, list(handles.values()), list(handles))
