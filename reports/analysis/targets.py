"""Reaching what the baseline reaches: the target, the point that gets there, and what that took."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bench.storage.clocks import CLOCKS
from reports.analysis.base import Analysis, cached
from reports.analysis.costs import charged
from reports.analysis.resampling import resampled_means
from reports.analysis.selectors import RUN, curves, final_runs
from reports.analysis.statistics import Interval, interval

AMOUNTS = ("examples", *CLOCKS)
"""What getting there is counted in: examples, and charged seconds by each clock."""

RESAMPLES = 2_000

_ROUNDING = 1e-12
"""Of means of queries and seeds: a value that is the target must not fall short of it by a bit."""


@dataclass(frozen=True)
class Target:
    """A quality on dev-curve to be reached.

    Attributes:
        gain: the share of the baseline's gain, its mean at the end of its budget over its mean
            before training; `None` where ``quality`` is a value of its own.
    """

    gain: float | None = None
    quality: float | None = None

    def of(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The quality, where the baseline starts and ends there; NaN where it gains nothing."""
        if self.gain is None:
            return np.full_like(start, self.quality)
        return np.where(end > start, start + self.gain * (end - start), np.nan)

    def __str__(self) -> str:
        if self.gain is None:
            return f"{self.quality:g}"
        return f"{100 * self.gain:g} % of the gain"


def targets(results: Analysis) -> list[Target]:
    """The study's, the headline's first."""
    comparison = results.study.comparison
    found = [Target(gain=share) for share in comparison.targets]
    if comparison.quality is not None and not results.chosen_by:  # it is of the primary measure
        found.append(Target(quality=comparison.quality))
    return found


@dataclass(frozen=True)
class Curves:
    """The dev-curves of final runs, a row a run.

    Attributes:
        runs: arm, role, trial, seed of each; index 0 … R − 1.
        values: the primary measure at each evaluation point [R, P]; NaN behind a run's last.
        spent: what the run had used up at each point [R, P], by `AMOUNTS`.
        queries: the same values by query [Q, R, P]; `None` where a run's are not recorded.
    """

    runs: pd.DataFrame
    values: np.ndarray
    spent: dict[str, np.ndarray]
    queries: np.ndarray | None

    def rows(self, arm: str) -> np.ndarray:
        """Which rows are runs of the arm."""
        return self._rows.get(arm, np.empty(0, dtype=int))

    @cached_property
    def _rows(self) -> dict[str, np.ndarray]:
        return self.runs.groupby("arm").indices

    @cached_property
    def ends(self) -> np.ndarray:
        """The last point of each run [R]."""
        return np.sum(~np.isnan(self.values), axis=1) - 1

    def target(self, target: Target, baseline: str, values: np.ndarray) -> np.ndarray:
        """The quality to reach, from (resampled) values […, R, P] → […]."""
        start, end = self.gain(baseline, values)
        return target.of(start.mean(-1), end.mean(-1))

    def gain(self, arm: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the arm's runs start and end […, seeds]."""
        rows = self.rows(arm)
        return values[..., rows, 0], values[..., rows, self.ends[rows]]

    def reached(self, values: np.ndarray, quality: np.ndarray) -> np.ndarray:
        """The point at which each run gets there […, R]; −1 where it does not."""
        return first_of_two(values, np.asarray(quality)[..., None, None])

    def amounts(self, what: str, rows: np.ndarray, points: np.ndarray) -> np.ndarray:
        """What each of these runs had used up at its point […, rows]; inf where that is −1."""
        return np.where(points < 0, np.inf, self.spent[what][rows, points])

    def resampled(self, resamples: int = RESAMPLES) -> np.ndarray | None:
        """Values over resampled queries [resamples, R, P]."""
        if self.queries is None:
            return None
        flat = self.queries.reshape(len(self.queries), -1)
        return resampled_means(flat, resamples=resamples).reshape(resamples, *self.values.shape)


def first_of_two(values: np.ndarray, target: np.ndarray | float) -> np.ndarray:
    """The first of two consecutive points at or above the target […, P] → […]; −1 for none.

    One point alone may be luck. There is no interpolation: the answer is as fine as the points.
    """
    twice = values >= target - _ROUNDING
    twice[..., :-1] &= twice[..., 1:]
    twice[..., -1] = False
    return np.where(twice.any(-1), twice.argmax(-1), -1)


@cached
def read_curves(results: Analysis) -> Curves:
    """The curves of every final run that is done, of arms in the order of the study."""
    trained = curves(results, "final")
    runs = final_runs(results)[RUN].reset_index(drop=True)
    places = pd.MultiIndex.from_frame(runs)
    primary = results.study.primary

    def wide(rows: pd.DataFrame, column: str) -> np.ndarray:
        return rows.pivot(index=RUN, columns="point", values=column).reindex(places).to_numpy()

    spent = {"examples": wide(trained, "examples")} if len(runs) else {}
    for clock in CLOCKS if len(runs) else ():
        spent[clock] = wide(charged(results, trained, clock), "seconds")
    values = wide(trained, primary) if len(runs) else np.empty((0, 0))
    return Curves(runs, values, spent, _by_query(results, places, values))


def _by_query(results: Analysis, runs: pd.MultiIndex, values: np.ndarray) -> np.ndarray | None:
    """Values by query [Q, R, P], where every run has them at all its points for all queries."""
    rows = results.dev.reindex(columns=[*RUN, "point", "query", results.study.primary])
    rows = rows[rows["role"] == "final"]
    if rows.empty:
        return None
    table = rows.pivot(index="query", columns=[*RUN, "point"], values=results.study.primary)
    columns = [(*run, point) for run in runs for point in range(values.shape[1])]
    table = table.reindex(columns=pd.MultiIndex.from_tuples(columns))
    found = table.to_numpy(dtype=float).reshape(len(table), *values.shape)
    return found if (np.isnan(found) == np.isnan(values)).all() else None


@dataclass(frozen=True)
class Gain:
    """What training brings the baseline, on dev-curve: the scale that targets are on.

    Attributes:
        over_seeds: Student's t over seeds.
        over_queries: percentiles of resampled queries, seeds averaged; NaN bounds where unknown.
    """

    start: float
    end: float
    over_seeds: Interval
    over_queries: Interval

    @property
    def may_be_zero(self) -> bool:
        lows = [self.over_seeds.low, self.over_queries.low]
        return not self.over_seeds.mean > 0 or any(low <= 0 for low in lows)


def gain(curves: Curves, baseline: str, resampled: np.ndarray | None) -> Gain:
    """The baseline's gain from before training to the end of its budget, by run."""
    start, end = curves.gain(baseline, curves.values)
    mean = interval(end - start)
    between = Interval(mean.mean, np.nan, np.nan)
    if resampled is not None:
        first, last = curves.gain(baseline, resampled)
        low, high = np.percentile((last - first).mean(-1), [2.5, 97.5])
        between = Interval(mean.mean, float(low), float(high))
    return Gain(float(start.mean()), float(end.mean()), mean, between)


@cached
def to_target(results: Analysis) -> pd.DataFrame:
    """A row a target and final run, in the order of the study.

    Columns: target (in words), gain (its share; NaN for a value), quality (to be reached on
    dev-curve); arm, trial, seed; reached; point (−1 where not reached); examples and train, warm,
    cold, tuned seconds charged at that point (inf where not reached: the run is censored);
    resolution, the examples between that point and the one before; budget (the examples that the
    run has used in all); stopped, whether patience ended it before its budget did.
    """
    found, baseline = read_curves(results), results.study.baseline
    if not len(found.rows(baseline)) or results.study.training.schedule != "constant":
        return pd.DataFrame(columns=list(_COLUMNS))
    runs = final_runs(results).reset_index(drop=True)
    rows = np.arange(len(runs))
    frames = []
    for target in targets(results):
        quality = found.target(target, baseline, found.values)
        points = found.reached(found.values, quality)
        before = found.spent["examples"][rows, np.maximum(points - 1, 0)]
        frame = runs[["arm", "trial", "seed"]].assign(
            target=str(target),
            gain=np.nan if target.gain is None else target.gain,
            quality=float(quality),
            reached=points >= 0,
            point=points,
            **{what: found.amounts(what, rows, points) for what in AMOUNTS},
            budget=runs["examples"],
            stopped=runs["stopped"].eq("patience") if "stopped" in runs else False,
        )
        frame["resolution"] = np.where(points > 0, frame["examples"] - before, np.nan)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)[list(_COLUMNS)]


_COLUMNS = (
    *("target", "gain", "quality", "arm", "trial", "seed", "reached", "point"),
    *AMOUNTS,
    *("resolution", "budget", "stopped"),
)
