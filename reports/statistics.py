"""Intervals over a handful of seeds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST = 3
"""With fewer values there is no interval: two points say next to nothing about a spread."""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval; NaN where there is none."""

    mean: float
    low: float
    high: float


def interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Student's t interval of the mean; without bounds where there are fewer than three values."""
    known = _known(values)
    if len(known) < FEWEST:
        return _bare(known.mean() if len(known) else np.nan)
    half = stats.t.ppf((1 + level) / 2, len(known) - 1) * stats.sem(known)
    return _around(known.mean(), half)


def difference(values: Iterable[float], baseline: Iterable[float], level: float = 0.95) -> Interval:
    """Welch's t interval of the difference of two means, without bounds as in `interval`."""
    ours, theirs = _known(values), _known(baseline)
    if not len(ours) or not len(theirs):
        return _bare(np.nan)
    mean = ours.mean() - theirs.mean()
    if min(len(ours), len(theirs)) < FEWEST:
        return _bare(mean)
    if np.ptp(ours) == 0 == np.ptp(theirs):
        return _around(mean, 0.0)  # Welch's degrees of freedom would be 0 / 0
    with warnings.catch_warnings():  # seeds that agree to the last bit but one are no matter
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        bounds = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(level)
    return Interval(float(mean), float(bounds.low), float(bounds.high))


def _known(values: Iterable[float]) -> np.ndarray:
    array = np.asarray(list(values), dtype=float)
    return array[~np.isnan(array)]


def _bare(mean: float) -> Interval:
    return Interval(float(mean), np.nan, np.nan)


def _around(mean: float, half: float) -> Interval:
    return Interval(float(mean), float(mean - half), float(mean + half))
