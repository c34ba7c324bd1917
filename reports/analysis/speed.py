"""How much faster an arm gets to a target than the baseline, in examples and by each clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from reports.analysis.base import Analysis, cached
from reports.analysis.costs import tuning_costs
from reports.analysis.interval_calibration import label
from reports.analysis.selectors import arms
from reports.analysis.statistics import (
    FEWEST,
    Interval,
    exponentiated,
    hull,
    ratio,
    restricted,
    seeds_and_queries,
)
from reports.analysis.targets import AMOUNTS, Curves, Target, read_curves, targets

MOST_LOST = 0.05
"""Of the resamples, the share that may have no answer before there is no interval over queries."""

_COLUMNS = (
    *("target", "gain", "arm", "baseline", "quantity", "seeds", "reached"),
    *("baseline seeds", "baseline reached", "horizon", "bound", "ratio", "low", "high"),
    *("seeds low", "seeds high", "queries low", "queries high", "lost", "coverage"),
)


class Times(NamedTuple):
    """What two arms' runs had used up when they got there.

    Attributes:
        ours, theirs: of each run of the arm, of the baseline [..., seeds]; inf where censored.
        our_ends, their_ends: what the runs had used up at their ends [seeds].
    """

    ours: np.ndarray
    theirs: np.ndarray
    our_ends: np.ndarray
    their_ends: np.ndarray

    @property
    def horizon(self) -> np.ndarray:
        """Up to which everything is known [...]: the first end of a censored run; inf for none."""
        known = np.where(np.isinf(self.ours), self.our_ends, np.inf).min(-1)
        return np.minimum(known, np.where(np.isinf(self.theirs), self.their_ends, np.inf).min(-1))

    @property
    def cut(self) -> tuple[np.ndarray, np.ndarray]:
        """Which runs the horizon restricts [..., seeds], the arm's and the baseline's: those that
        are censored, and those that got there later than another one's end."""
        horizon = self.horizon[..., None]
        return self.ours > horizon, self.theirs > horizon

    def log_ratio(self) -> np.ndarray:
        """Of the geometric means, restricted to the horizon [...]; NaN where neither has got there
        by then, or one was there at once."""
        horizon = self.horizon[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ours, theirs = (np.log(np.minimum(one, horizon)) for one in (self.ours, self.theirs))
            found = ours.mean(-1) - theirs.mean(-1)
        unknown = np.all([side.all(-1) for side in self.cut], axis=0)
        return np.where(unknown | ~np.isfinite(found), np.nan, found)

    @property
    def bound(self) -> str:
        """What the arm's ratio to the baseline is where the horizon restricts runs: ``≥`` (the
        arm's alone), ``≤`` (the baseline's alone), ``~`` (both); empty where it does none."""
        ours, theirs = (side.any() for side in self.cut)
        return "~" if ours and theirs else "≥" if ours else "≤" if theirs else ""


@cached
def speed_table(results: Analysis, baseline: str = "") -> pd.DataFrame:
    """A row a target, arm and quantity; empty where the schedule is not constant.

    Columns: target (in words), gain; arm, baseline; quantity: ``examples`` (the arm's to the target
    ÷ the baseline's: convergence) or a clock (the baseline's seconds ÷ the arm's: speed-up); seeds
    and reached (how many got there) of both; horizon (the first end of a run that did not, up to
    which both are compared; inf where all did) and bound (what the ratio then is: ``≥`` at least,
    ``≤`` at most, ``~`` neither, as runs of both were not there by the horizon); ratio of geometric
    means over seeds, NaN where no run got there by the horizon or one was there at once; low and
    high, its 95 % interval with seeds and queries (`statistics.seeds_and_queries` of logs, never
    narrower than either alone), and by themselves over seeds (`statistics.ratio`, the target as it
    is) and over queries (percentiles of resampled dev-curve queries, the target estimated anew in
    each); lost, the share of resamples without an answer; coverage, what has to stand beside the
    interval over seeds (`reports.analysis.interval_calibration.label`).
    """
    curves, first = read_curves(results), results.study.baseline
    baseline = baseline or first
    missing = not all(len(curves.rows(arm)) for arm in (first, baseline))
    if missing or results.study.training.schedule != "constant":
        return pd.DataFrame(columns=list(_COLUMNS))
    others = [arm for arm in arms(results) if arm != baseline and len(curves.rows(arm))]
    resampled = curves.resampled()
    rows = []
    for target in targets(results):
        points = _Points.of(curves, target, first, curves.values)
        again = _Points.of(curves, target, first, resampled) if resampled is not None else None
        for arm in others:
            for what in AMOUNTS:
                named = {"target": str(target), "gain": target.gain, "arm": arm}
                named |= {"baseline": baseline, "quantity": what}
                drawn = again.times(arm, baseline, what).log_ratio() if again else None
                rows.append(named | compare(points.times(arm, baseline, what), drawn, what))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"gain": float})


@dataclass(frozen=True)
class _Points:
    """Where each run gets to a target, in the curves or in resamples of them."""

    curves: Curves
    reached: np.ndarray

    @classmethod
    def of(cls, curves: Curves, target: Target, baseline: str, values: np.ndarray) -> _Points:
        return cls(curves, curves.reached(values, curves.target(target, baseline, values)))

    def times(self, arm: str, baseline: str, what: str) -> Times:
        sides = [self.curves.rows(arm), self.curves.rows(baseline)]
        places = [(rows, self.reached[..., rows]) for rows in sides]
        places += [(rows, self.curves.ends[rows]) for rows in sides]
        return Times(*(self.curves.amounts(what, *place) for place in places))


def compare(times: Times, drawn: np.ndarray | None, what: str) -> dict[str, object]:
    """The numbers of a row: the arm's ratio to the baseline, of seconds the other way round.

    Args:
        drawn: the arm's log ratio to the baseline over resampled queries; `None`: not known.
    """
    horizon, sign = float(times.horizon), 1 if what == "examples" else -1
    over, under = [restricted(times.ours, horizon), restricted(times.theirs, horizon)][::sign]
    point = sign * float(times.log_ratio())
    shares = [float(side.mean()) for side in times.cut]
    known = sign * drawn[~np.isnan(drawn)] if drawn is not None else np.empty(0)
    lost = np.nan if drawn is None else 1 - len(known) / len(drawn)
    over_seeds = both = Interval(float(np.exp(point)), np.nan, np.nan)
    between, beside = Interval(float(np.exp(point)), np.nan, np.nan), ""
    if not np.isnan(point):
        over_seeds = ratio(over, under)
        fewer, more = sorted((len(over), len(under)))
        if fewer >= FEWEST:
            beside = label(fewer, max(shares), more)
        if lost <= MOST_LOST:
            bounds = np.percentile(known, [2.5, 97.5])
            between = exponentiated(Interval(point, *map(float, bounds)))
            both = exponentiated(seeds_and_queries(np.log(over), np.log(under), known))
            # Values that pile up at the horizon are skewed, which no symmetric interval sees.
            both = hull(both, over_seeds, between)
    return {
        "seeds": len(times.ours),
        "reached": int(np.isfinite(times.ours).sum()),
        "baseline seeds": len(times.theirs),
        "baseline reached": int(np.isfinite(times.theirs).sum()),
        "horizon": horizon,
        "bound": times.bound if sign == 1 else times.bound.translate(_TURNED),
        "ratio": over_seeds.mean,
        "low": both.low,
        "high": both.high,
        "seeds low": over_seeds.low,
        "seeds high": over_seeds.high,
        "queries low": between.low,
        "queries high": between.high,
        "lost": lost,
        "coverage": beside,
    }


_TURNED = str.maketrans("≥≤", "≤≥")


def with_shown(table: pd.DataFrame) -> pd.DataFrame:
    """A table of ratios, and of each the interval that is shown: ``shown low`` and ``shown high``,
    over seeds and queries, or over seeds alone where there is no other; ``over`` says which, and is
    empty where there is none."""
    both, some = table["low"].notna(), table["seeds low"].notna()
    over = np.select([both, some], ["seeds and queries", "seeds"], "")
    low, high = (table[end].where(both, table[f"seeds {end}"]) for end in ("low", "high"))
    return table.assign(**{"shown low": low, "shown high": high}, over=over)


@cached
def speed_by_trials(results: Analysis) -> pd.DataFrame:
    """The tuned speed-up by the number of tuning trials, for each target: what of it is tuning.

    Columns: target, gain, arm, trials (of both; an arm with fewer has all of its own), ratio: the
    baseline's cold seconds to the target and tuning so far ÷ the arm's, of geometric means over
    seeds, restricted as in `speed_table`, and bound, what it is there. With none it is the cold
    speed-up.
    """
    curves, baseline = read_curves(results), results.study.baseline
    columns = ["target", "gain", "arm", "trials", "ratio", "bound"]
    if not len(curves.rows(baseline)) or results.study.training.schedule != "constant":
        return pd.DataFrame(columns=columns)
    spent = {arm: own["seconds"].to_numpy() for arm, own in tuning_costs(results).groupby("arm")}
    most = max(map(len, spent.values()))
    rows = []
    for target in targets(results):
        points = _Points.of(curves, target, baseline, curves.values)
        for arm in arms(results):
            if arm == baseline or not len(curves.rows(arm)):
                continue
            times = points.times(arm, baseline, "cold")
            for trials in range(most):
                tuning = [spent[one][min(trials, len(spent[one]) - 1)] for one in (arm, baseline)]
                later = Times(*(clock + own for clock, own in zip(times, 2 * tuning, strict=True)))
                value = float(np.exp(-later.log_ratio()))
                bound = later.bound.translate(_TURNED)
                rows.append((str(target), target.gain, arm, trials, value, bound))
    return pd.DataFrame(rows, columns=columns).astype({"gain": float})
