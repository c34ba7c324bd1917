"""How every figure looks: legible at a column's width and in print; an arm looks one way only."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib.style

from bench.results import Results
from reports.reading import arms

WIDTH = 3.3
"""Inches: one column of a two-column page."""

GREY = "0.45"

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
    "font.size": 7,
    "axes.labelsize": 7.5,
    "figure.labelsize": 7.5,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.3",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "lines.dash_capstyle": "butt",
    "text.parse_math": False,  # an arm may be named "$x_1$"
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # publishers refuse Type 3
    "svg.hashsalt": "bench",
}


def applied() -> AbstractContextManager[None]:
    """Draw and save within this; what the user's own settings say does not matter."""
    return matplotlib.style.context(["default", _SETTINGS])


@dataclass(frozen=True)
class Look:
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
            "markeredgewidth": 0.8,
        }


_BASELINE = Look("black", "o", (0, (4, 1.5)), filled=False)

# Okabe & Ito, told apart with every common colour blindness; their yellow is too pale for lines.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("s", "^", "D", "v", "P", "X", "p")
_LINES = ("-", (0, (1, 1)), (0, (5, 1, 1, 1)))


def looks(results: Results) -> dict[str, Look]:
    """Each arm's look, by the order of the study; the baseline's is black and dashed."""
    others = [arm for arm in arms(results) if arm != results.study.baseline]
    return {results.study.baseline: _BASELINE} | {
        arm: Look(
            _COLOURS[index % len(_COLOURS)],
            _MARKERS[index % len(_MARKERS)],
            _LINES[index // len(_COLOURS) % len(_LINES)],
        )
        for index, arm in enumerate(others)
    }
