"""How every figure looks: legible at a column's width and on a slide; an arm looks one way only.

A style is matplotlib's own settings and nothing else: the size of a figure and of its text are in
them, and whatever is drawn within `applied` measures itself against these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import matplotlib.figure
import matplotlib.style

from bench.errors import InputError, did_you_mean
from reports.analysis.base import Analysis
from reports.analysis.selectors import arms


@dataclass(frozen=True)
class Style:
    """Where a figure is to be read.

    Attributes:
        width, height: inches of a figure with one panel.
        font_size: points of what is written in it.
    """

    width: float
    height: float
    font_size: float


STYLES = {
    "paper": Style(3.3, 2.2, 7.0),  # one column of a two-column page
    "slide": Style(10.0, 5.2, 18.0),
}

SIZES = (0.7, 1.45)
"""Of a style's own font size, what another may be: figures have room for no more."""

GREY = "0.45"

_BASE = STYLES["paper"].font_size
"""The size of text, in points, that the lengths given to `points` are meant for."""


def applied(
    style: str = "paper", font_size: float | None = None
) -> AbstractContextManager[dict[str, Any] | None]:
    """Draw and save within this; what the user's own settings say does not matter.

    Raises:
        InputError: there is no such style, or nobody could read text of that size.
    """
    if style not in STYLES:
        raise InputError(f"no style {style!r}{did_you_mean(style, STYLES)}")
    chosen = STYLES[style]
    least, most = (round(share * chosen.font_size) for share in SIZES)
    if font_size is not None and not least <= font_size <= most:
        raise InputError(
            f"a font size of style {style!r} is from {least} to {most} points: {font_size:g}"
        )
    return matplotlib.style.context(
        ["default", _settings(chosen.width, chosen.height, font_size or chosen.font_size)]
    )


def _settings(width: float, height: float, font_size: float) -> dict[str, Any]:
    thin, tick, label = 0.6 * font_size / _BASE, 2.5 * font_size / _BASE, 7.5 / 7 * font_size
    around = 3 / 72 * font_size / _BASE  # inches
    return {
        "figure.figsize": (width, height),
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": around,
        "figure.constrained_layout.w_pad": around,
        "figure.labelsize": label,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
        "font.size": font_size,
        "axes.labelsize": label,
        "axes.titlesize": label,
        "axes.titlelocation": "left",
        "axes.linewidth": thin,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "0.3",
        "xtick.major.width": thin,
        "ytick.major.width": thin,
        "xtick.major.size": tick,
        "ytick.major.size": tick,
        "legend.frameon": False,
        "legend.handlelength": 2.8,
        "lines.dash_capstyle": "butt",
        "text.parse_math": False,  # an arm may be named "$x_1$"
        "savefig.dpi": 300,
        "pdf.fonttype": 42,  # publishers refuse Type 3
        "svg.hashsalt": "bench",
    }


def canvas(height: float = 1.0) -> matplotlib.figure.Figure:
    """An empty figure of the style's width; ``height`` in heights of a figure with one panel."""
    wide, high = matplotlib.rcParams["figure.figsize"]
    return matplotlib.figure.Figure(figsize=(wide, high * height))


def points(length: float) -> float:
    """A length in points (of a line's width, a marker, a text) as much larger as the text is."""
    return length * matplotlib.rcParams["font.size"] / _BASE


def characters(share: float) -> int:
    """How many characters fit into a share of the figure's width, roughly."""
    wide, _ = matplotlib.rcParams["figure.figsize"]
    return int(share * 72 * wide / (0.55 * matplotlib.rcParams["font.size"]))


@dataclass(frozen=True)
class LineStyle:
    """What an arm's lines look like."""

    colour: str
    marker: str
    line: Any
    filled: bool = True

    @property
    def symbol(self) -> dict[str, Any]:
        """How matplotlib draws a point of it."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "markerfacecolor": self.colour if self.filled else "white",
            "markeredgewidth": points(0.8),
        }


_BASELINE = LineStyle("black", "o", (0, (4, 1.5)), filled=False)

# Okabe & Ito, told apart with every common colour blindness; their yellow is too pale for lines.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("s", "^", "D", "v", "P", "X", "p")
_LINES = ("-", (0, (1, 1)), (0, (5, 1, 1, 1)))


_alike: ContextVar[Mapping[str, LineStyle]] = ContextVar("alike", default=MappingProxyType({}))


@contextmanager
def alike(studies: Iterable[Analysis]) -> Iterator[None]:
    """Within this an arm's name looks one way in all of these studies, where it is no baseline."""
    names = dict.fromkeys(arm for results in studies for arm in arms(results))
    token = _alike.set({name: _look(index) for index, name in enumerate(names)})
    try:
        yield
    finally:
        _alike.reset(token)


def looks(results: Analysis) -> dict[str, LineStyle]:
    """Each arm's look, by the order of the study; the baseline's is black and dashed."""
    common = _alike.get()
    others = [arm for arm in arms(results) if arm != results.study.baseline]
    return {results.study.baseline: _BASELINE} | {
        arm: common.get(arm) or _look(index) for index, arm in enumerate(others)
    }


def _look(index: int) -> LineStyle:
    return LineStyle(
        _COLOURS[index % len(_COLOURS)],
        _MARKERS[index % len(_MARKERS)],
        _LINES[index // len(_COLOURS) % len(_LINES)],
    )
