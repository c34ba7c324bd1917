"""What share of the data an arm needs: nested shares of the train queries, each trained in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.results import LABELS
from reports.analysis.base import Analysis, cached
from reports.analysis.resampling import resampled_means
from reports.analysis.selectors import RUN, arms, final_runs, measure_columns, tested_points
from reports.analysis.speed import MOST_LOST
from reports.analysis.statistics import Interval, exponentiated, hull, interval, seeds_and_queries
from reports.analysis.targets import RESAMPLES, Target, first_of_two, targets

_COLUMNS = (
    *("arm", "train_share", "seeds", *LABELS, "dev", "dev low", "dev high"),
    *("test", "test low", "test high", "best at the start"),
)
_FRACTIONS = (
    *("target", "gain", "quality", "arm", "seeds", "reached", "share", "bound", "fraction"),
    *("low", "high"),
    *("seeds low", "seeds high", "queries low", "queries high"),
)


def by_share(results: Analysis) -> dict[float, Analysis]:
    """The study on every share of the train queries, rising; the last is all of them."""
    return {**results.subsets, 1.0: results}


@cached
def shares_table(results: Analysis) -> pd.DataFrame:
    """A row an arm and share of the train queries; empty where a study has no smaller shares.

    Columns: arm, train_share; seeds (done); train_queries and labels, how many different ones its
    runs used up, fine-tuning of their teachers included (means over seeds); dev and test, the
    primary measure at the tested point on dev-curve and on the first test, with Student's t
    intervals over seeds; best at the start, the seeds whose best point was the untrained student.
    """
    if not results.subsets:
        return pd.DataFrame(columns=list(_COLUMNS))
    test = measure_columns(results.study)[0]
    tables = {share: _tested(there) for share, there in by_share(results).items()}
    rows = []
    for arm in arms(results):
        for share, runs in tables.items():
            own = runs[runs["arm"] == arm]
            dev, measured = interval(own["dev"]), interval(own[test])
            row = {"arm": arm, "train_share": share, "seeds": len(own)}
            row |= {name: own[name].mean() for name in LABELS}
            row |= {"dev": dev.mean, "dev low": dev.low, "dev high": dev.high}
            row |= {"test": measured.mean, "test low": measured.low, "test high": measured.high}
            rows.append({**row, "best at the start": int((own["point"] == 0).sum())})
    return pd.DataFrame(rows, columns=list(_COLUMNS))


@cached
def fractions_table(results: Analysis) -> pd.DataFrame:
    """A row a target and arm: the labels with which it reaches the baseline trained on all data.

    The target is as in `analysis.targets`, of the baseline's tested points with all train queries
    and its untrained student. By seed (that is done on every share), the first of two consecutive
    shares whose tested point is at or above it on dev-curve; a seed that has none is censored, and
    so is one that is only there with everything.

    Columns: target, gain, quality (to be reached; NaN where the baseline gains nothing); arm;
    seeds, reached (how many got there), share (of the train queries,
    the median of those); fraction, the labels used at that share ÷ the baseline's with everything,
    the geometric mean over seeds, restricted to what the first censored one used in all, and then
    bound is ``≥``; NaN where none got there, or either's labels are not known or the baseline's 0;
    low and high, its 95 % interval over seeds and queries, and each by itself (Student's t of logs;
    percentiles of resampled dev-curve queries, the target estimated anew in each), without bounds
    where a seed used no labels.
    """
    shares = by_share(results)
    tables = [_tested(there) for there in shares.values()]
    whole = tables[-1][tables[-1]["arm"] == results.study.baseline]
    if not results.subsets or whole.empty:
        return pd.DataFrame(columns=list(_FRACTIONS))
    by_query = [_by_query(*given) for given in zip(shares.values(), tables, strict=True)]
    ends = [_by_query(results, whole.assign(point=0)), by_query[-1]]
    drawn = _drawn(ends, results.study.baseline, list(whole["seed"]))
    start, end, labels = (np.asarray(whole[name].mean()) for name in ("start", "dev", "labels"))
    baseline = _Baseline(start, end, labels, None if drawn is None else drawn.mean(axis=1).T)
    every = {arm: own for arm in arms(results) if len((own := _read(tables, by_query, arm)).values)}
    rows = [
        _fraction(target, arm, own, baseline, list(shares))
        for target in targets(results)
        for arm, own in every.items()
    ]
    return pd.DataFrame(rows, columns=list(_FRACTIONS)).astype({"gain": float})


class _Arm(NamedTuple):
    """One arm's seeds that are done on every share.

    Attributes:
        values: the tested point's dev-curve quality [seeds, shares].
        labels: used up [seeds, shares].
        drawn: the quality over resampled queries [resamples, seeds, shares]; `None` where queries
            are not recorded.
    """

    values: np.ndarray
    labels: np.ndarray
    drawn: np.ndarray | None


class _Baseline(NamedTuple):
    """The baseline with all train queries, means over all its seeds.

    Attributes:
        start, end: its dev-curve quality before training, and at the tested points [].
        labels: used up [].
        drawn: start and end over resampled queries [2, resamples].
    """

    start: np.ndarray
    end: np.ndarray
    labels: np.ndarray
    drawn: np.ndarray | None


def _tested(results: Analysis) -> pd.DataFrame:
    """Final runs with the point that was tested, the dev-curve quality there (dev) and at the
    start, and `LABELS`, NaN where the record has none."""
    primary = results.study.primary
    runs, curves = final_runs(results), results.curves.reindex(columns=[*RUN, "point", primary])
    tested = curves.loc[tested_points(results).index].set_index(RUN)
    first = curves[curves["point"] == 0].set_index(RUN)
    places = pd.MultiIndex.from_frame(runs[RUN])
    runs = runs.reindex(columns=[*runs.columns, *(name for name in LABELS if name not in runs)])
    return runs.assign(
        point=tested["point"].reindex(places).to_numpy(),
        dev=tested[primary].reindex(places).to_numpy(),
        start=first[primary].reindex(places).to_numpy(),
    )


def _by_query(results: Analysis, runs: pd.DataFrame) -> pd.DataFrame:
    """Dev-curve qualities of runs at their ``point``, a row a query, a column an arm and seed."""
    rows = results.dev.reindex(columns=[*RUN, "point", "query", results.study.primary])
    rows = rows.merge(runs[[*RUN, "point"]])
    return rows.pivot(index="query", columns=["arm", "seed"], values=results.study.primary)


def _read(tables: Sequence[pd.DataFrame], by_query: Sequence[pd.DataFrame], arm: str) -> _Arm:
    own = [table[table["arm"] == arm].set_index("seed") for table in tables]
    values, labels = (
        pd.concat([one[name] for one in own], axis=1, join="inner") for name in ("dev", "labels")
    )
    drawn = _drawn(by_query, arm, list(values.index))
    return _Arm(values.to_numpy(float), labels.to_numpy(float), drawn)


def _drawn(tables: Sequence[pd.DataFrame], arm: str, seeds: list[int]) -> np.ndarray | None:
    """Means over resampled queries [resamples, seeds, tables]; `None` where one is not known."""
    columns = pd.MultiIndex.from_product([[arm], seeds])
    values = pd.concat([table.reindex(columns=columns) for table in tables], axis=1).to_numpy(float)
    if not values.size or np.isnan(values).any():
        return None
    means = resampled_means(values, resamples=RESAMPLES)
    return means.reshape(RESAMPLES, len(tables), len(seeds)).swapaxes(1, 2)


def _fraction(
    target: Target, arm: str, own: _Arm, baseline: _Baseline, shares: list[float]
) -> dict[str, object]:
    quality = target.of(baseline.start, baseline.end)
    points = first_of_two(own.values, quality)
    reached = points[points >= 0]
    logs = _logs(own, points, baseline.labels)
    over_seeds = both = Interval(float(np.exp(logs.mean())), np.nan, np.nan)
    queries = (np.nan, np.nan)
    if np.isfinite(logs).all():
        over_seeds = exponentiated(interval(logs))
        if (drawn := _resampled(target, own, baseline)) is not None:
            low, high = np.percentile(drawn, [2.5, 97.5])
            queries = (float(np.exp(low)), float(np.exp(high)))
            between = Interval(over_seeds.mean, *queries)
            both = hull(exponentiated(seeds_and_queries(logs, None, drawn)), over_seeds, between)
    return {
        "target": str(target),
        "gain": target.gain,
        "quality": float(quality),
        "arm": arm,
        "seeds": len(points),
        "reached": len(reached),
        "share": float(np.median(np.take(shares, reached))) if len(reached) else np.nan,
        "bound": "≥" if 0 < len(reached) < len(points) else "",
        "fraction": over_seeds.mean,
        "low": both.low,
        "high": both.high,
        "seeds low": over_seeds.low,
        "seeds high": over_seeds.high,
        "queries low": queries[0],
        "queries high": queries[1],
    }


def _logs(own: _Arm, points: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Logs of labels used at each seed's point ÷ the baseline's [..., seeds], restricted to what
    the first seed that gets nowhere has used in all; NaN where none gets anywhere."""
    nowhere = points < 0
    used = np.where(nowhere, np.inf, own.labels[np.arange(len(own.labels)), points])
    horizon = np.where(nowhere, own.labels[:, -1], np.inf).min(-1, keepdims=True)
    used = np.where(nowhere.all(-1, keepdims=True), np.nan, np.minimum(used, horizon))
    with np.errstate(divide="ignore"):
        return np.log(used / (whole if whole > 0 else np.nan))


def _resampled(target: Target, own: _Arm, baseline: _Baseline) -> np.ndarray | None:
    """Mean logs over resampled queries; `None` where too many have no answer, or none is known."""
    if own.drawn is None or baseline.drawn is None:
        return None
    points = first_of_two(own.drawn, target.of(*baseline.drawn)[:, None, None])
    found = _logs(own, points, baseline.labels).mean(-1)
    known = found[np.isfinite(found)]
    return known if len(known) >= (1 - MOST_LOST) * len(found) else None
