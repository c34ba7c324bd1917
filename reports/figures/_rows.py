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
"""Of a figure's width, the share that a name has before it is wrapped."""

PADDING = 0.75
"""Heights of the text between the names of two rows."""

AXIS = 4.5
"""Heights of the text that an axis with its label has."""

LINE = 1.25 / 72
"""Inches of a line for each point of the text's size."""


def draw_names(figure: matplotlib.figure.Figure, axes: Axes, arms: Sequence[str]) -> np.ndarray:
    """The middles of the rows, in heights of the text from the top; the figure gets as high as
    they need, with an axis below."""
    texts = [wrapped(plain(arm), characters(NAME_WIDTH)) for arm in arms]
    heights = np.array([text.count("\n") + 1 + PADDING for text in texts])
    ends = heights.cumsum()
    middles = ends - heights / 2
    axes.set_ylim(ends[-1], 0)
    axes.set_yticks(middles, texts)
    axes.tick_params(axis="y", length=0, labelsize=points(6.5))
    axes.spines["left"].set_visible(False)
    figure.set_figheight((ends[-1] + AXIS) * LINE * matplotlib.rcParams["font.size"])
    return middles
