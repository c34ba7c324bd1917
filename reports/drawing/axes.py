"""Logarithmic axes, and points along them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

GAP = 0.026
"""Least distance of two points, as a share of what the axis spans: about a marker's width."""

MOST = 0.2
"""Of what the axis spans, the share that points take which all belong at one place."""

LEAST_RANGE = 10.0
"""Of an axis along which points are set: nothing is magnified until equal values look unequal."""


def set_log_scale(axes: Axes, left: float, right: float, text: Callable[[float], str]) -> None:
    """A logarithmic x axis; ticks few and plainly written, however little of a decade it shows."""
    right = right if 0 < right < np.inf else 1.0
    left = left if 0 < left < right else right / 10  # nothing took any time: an axis all the same
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    _set_ticks(axes.xaxis, right / left, text)


def set_log_heights(axes: Axes, low: float, high: float, text: Callable[[float], str]) -> None:
    """The same of the y axis."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    _set_ticks(axes.yaxis, high / low, text)


def _set_ticks(axis: Axis, span: float, text: Callable[[float], str]) -> None:
    locator: Locator = LogLocator(subs=(1, 2, 5) if span < 200 else (1,))
    axis.set_major_locator(MaxNLocator(5) if span < 5 else locator)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))


def side_by_side(values: np.ndarray) -> np.ndarray:
    """Places on a logarithmic axis, in the same order; those too close stand around their mean."""
    logs = np.log(values)
    gap = max(np.ptp(logs), np.log(LEAST_RANGE)) * min(GAP, MOST / len(logs))
    order = np.argsort(logs, kind="stable")
    for close in np.split(order, np.flatnonzero(np.diff(logs[order]) >= gap) + 1):
        logs[close] = logs[close].mean() + gap * (np.arange(len(close)) - (len(close) - 1) / 2)
    return np.exp(logs)
