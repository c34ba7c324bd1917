"""Intervals over a handful of seeds, and what is said of a difference between systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

FEWEST = 3
"""With fewer values there is no interval: two points say next to nothing about a spread."""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval; NaN where there is none."""

    mean: float
    low: float
    high: float


def interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Student's t interval of the mean; without bounds where there are fewer than three values."""
    return _of_sum([_known(values)], 0.0, level)


def difference(values: Iterable[float], baseline: Iterable[float], level: float = 0.95) -> Interval:
    """Welch's t interval of the difference of two means, without bounds as in `interval`."""
    return _of_sum([_known(values), _known(baseline)], 0.0, level)


def ratio(values: Iterable[float], baseline: Iterable[float], level: float = 0.95) -> Interval:
    """The ratio of geometric means, values over baseline, with Welch's t interval of the logs.

    Values are ≥ 0; no bounds where one is 0 or there are fewer than three on a side. The ratio is
    then 0 where one of ``values`` is 0, NaN where a baseline is 0 or a value negative. How often it
    covers the truth is measured in `reports.simulation`. Raises ValueError for an infinite value: a
    censored one has to be `restricted` first.
    """
    ours, theirs = _known(values), _known(baseline)
    if np.isinf(ours).any() or np.isinf(theirs).any():
        raise ValueError("an infinite (censored) value has no ratio: restrict it to a horizon")
    if not len(ours) or not len(theirs) or ours.min() < 0 or theirs.min() <= 0:
        return _bare(np.nan)
    if ours.min() == 0:
        return _bare(0.0)
    return exponentiated(difference(np.log(ours), np.log(theirs), level))


def restricted(values: Iterable[float], horizon: float) -> np.ndarray:
    """Each value or, where that is less, the horizon; inf is a value that was not seen by then.

    The `interval` of these is of the restricted mean (Royston & Parmar, BMC Medical Research
    Methodology 13:152, 2013): with one horizon for all, their mean is the area under the
    Kaplan–Meier curve up to it.
    """
    return np.minimum(np.asarray(list(values), dtype=float), horizon)


def seeds_and_queries(
    ours: Iterable[float],
    theirs: Iterable[float] | None,
    resampled: np.ndarray,
    level: float = 0.95,
) -> Interval:
    """The difference of two means over seeds (or one mean), with how queries vary in its interval.

    ``resampled`` holds draws of the same difference with the queries resampled. Their variance is
    added to Welch's (Student's where ``theirs`` is None), and Satterthwaite's degrees of freedom
    are those of the sum, the queries' variance being taken as known (Satterthwaite, Biometrics
    Bulletin 2, 1946). How seeds and queries interact is in both variances, so the interval is
    rather too wide, the more so the more alike the systems (`reports.simulation`). No bounds with
    fewer than three seeds on a side.
    """
    sides = [_known(side) for side in (ours, theirs) if side is not None]
    return _of_sum(sides, float(np.var(resampled, ddof=1)), level)


def hull(interval: Interval, *others: Interval) -> Interval:
    """The interval, as wide as the widest of these; without bounds where it has none itself."""
    low = min(one.low for one in (interval, *others))
    high = max(one.high for one in (interval, *others))
    return _bare(interval.mean) if np.isnan(interval.low) else Interval(interval.mean, low, high)


def exponentiated(logs: Interval) -> Interval:
    """The interval of a ratio from that of its logarithm."""
    return Interval(*(float(np.exp(bound)) for bound in logs))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """P-values adjusted for their number by Holm's method; NaN stays NaN and is not counted.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of
    Statistics 6, 1979.
    """
    adjusted = np.array(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(adjusted))
    ascending = known[np.argsort(adjusted[known])]
    raised = adjusted[ascending] * np.arange(len(known), 0, -1)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def effect_size(differences: np.ndarray) -> np.ndarray:
    """Mean ÷ standard deviation of differences by query: (queries, …) → (…), Cohen's d_z.

    0 where all differences are 0; NaN where they are all the same otherwise, where one is NaN, and
    with fewer than two queries. Source: Cohen, Statistical Power Analysis for the Behavioral
    Sciences, 1988, section 2.3.5.
    """
    shape = np.shape(differences)[1:]
    if len(differences) < 2:
        return np.full(shape, np.nan)
    spread = np.where(np.ptp(differences, axis=0) > 0, np.std(differences, axis=0, ddof=1), np.nan)
    return np.where(np.any(differences, axis=0), np.mean(differences, axis=0) / spread, 0.0)


class Wins(NamedTuple):
    """On how many queries a system is better, as good and worse, each (…)."""

    win: np.ndarray
    tie: np.ndarray
    loss: np.ndarray


def wins(differences: np.ndarray, tie: float = 1e-9) -> Wins:
    """Counts over queries, (queries, …), within ``tie`` of 0 being as good; NaN is in none."""
    better, worse = differences > tie, differences < -tie
    return Wins(*(np.sum(each, axis=0) for each in (better, np.abs(differences) <= tie, worse)))


def _known(values: Iterable[float]) -> np.ndarray:
    array = np.asarray(list(values), dtype=float)
    return array[~np.isnan(array)]


def _of_sum(sides: Sequence[np.ndarray], known: float, level: float) -> Interval:
    """Of one mean, or the first minus the second, with a variance beside those of the sides that is
    taken as known: Student's t, Welch's, and Satterthwaite's for the sum."""
    if not all(map(len, sides)):
        return _bare(np.nan)
    mean = sides[0].mean() - sum(side.mean() for side in sides[1:])
    if min(map(len, sides)) < FEWEST:
        return _bare(mean)
    parts = np.array([side.var(ddof=1) / len(side) for side in sides])
    own = np.array([len(side) - 1 for side in sides])
    square = parts.sum() + known
    unsure = (parts**2 / own).sum()
    freedom = square**2 / unsure if unsure > 0 else np.inf  # sides without any spread
    # What stats.t.ppf calls, which takes a hundred times as long for one number.
    return _around(mean, special.stdtrit(freedom, (1 + level) / 2) * np.sqrt(square))


def _bare(mean: float) -> Interval:
    return Interval(float(mean), np.nan, np.nan)


def _around(mean: float, half: float) -> Interval:
    return Interval(float(mean), float(mean - half), float(mean + half))
