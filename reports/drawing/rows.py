"""Arms as rows, each with its name to the left, from the top down."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from reports.drawing.labels import wrapped
from reports.formatting import plain
from reports.style import characters, points

NAME_WIDTH = 0.42
"""Share of the figure's width for names; longer ones are wrapped."""

PADDING = 0.75
"""The gap between the names of two rows, in heights of the text."""

AXIS = 4.5
"""The height of an axis with its label, in heights of the text."""

LINE = 1.25 / 72
"""Inches of a line for each point of the text's size."""


def draw_names(figure: matplotlib.figure.Figure, axes: Axes, arms: Sequence[str]) -> np.ndarray:
    """Draw a row an arm, with an axis below; the figure becomes as high as they need.

    Returns the middles of the rows, in heights of the text from the top.
    """
    texts = [wrapped(plain(arm), characters(NAME_WIDTH)) for arm in arms]
    heights = np.array([text.count("\n") + 1 + PADDING for text in texts])
    middles = set_rows(axes, texts, heights)
    axes.tick_params(axis="y", labelsize=points(6.5))
    figure.set_figheight((heights.sum() + AXIS) * LINE * matplotlib.rcParams["font.size"])
    return middles


def set_rows(axes: Axes, texts: Sequence[str], heights: np.ndarray) -> np.ndarray:
    """Rows of these heights, from the top down, with texts to the left; their middles."""
    ends = heights.cumsum()
    middles = ends - heights / 2
    axes.set_ylim(ends[-1], 0)
    axes.set_yticks(middles, texts)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return middles
