"""How much of its teacher's quality a student keeps, how sure that is, and at what size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.results import SIZES, SPEEDS
from reports.analysis.base import Analysis, cached
from reports.analysis.resampling import RESAMPLES, resampled_means
from reports.analysis.selectors import final_runs, measure_columns, references
from reports.analysis.statistics import interval

_NONE = (np.nan, np.nan)
FRONTS = {"front": "size", "front by FLOPs": "query_flops", "front by latency": "query_seconds"}
"""What is spent on a query, by the column that says which arms no other one beats for it."""

_COLUMNS = (
    *("arm", "student", "of", "seeds", "quality", "teacher quality", "retention"),
    *("seeds low", "seeds high", "queries low", "queries high"),
    *(*SIZES, *SPEEDS, "size", "teacher size", "share", "speed-up", *FRONTS),
)


@cached
def retention_table(results: Analysis) -> pd.DataFrame:
    """A row an arm whose final runs have a retention, in the order of the study.

    Columns: arm, student, of (the reference row of its teacher); seeds (how many are done);
    quality and teacher quality (means of the primary measure on the first test part); retention
    (quality ÷ the teacher's, the mean over seeds) with two 95 % intervals that are about different
    things, ``seeds low`` and ``high`` (`seeds_interval`), ``queries low`` and ``high``
    (`resampled_means`); sizes (parameters, FLOPs of a text) and speeds (seconds) as means; size and
    teacher size (parameters that encode a query; all of a model's where these are not known) and
    share, one ÷ the other; speed-up (the teacher's seconds of a query ÷ the student's); front
    (whether no arm with the same teacher beats it in size and retention), front by FLOPs and front
    by latency (the same of a query's FLOPs and seconds).
    """
    teachers = _measured(results, references(results)).set_index("arm")
    runs = _measured(results, final_runs(results))
    runs = runs.assign(retention=_retention(results, runs, teachers)).dropna(subset="retention")
    between = _query_intervals(results, dict(zip(runs["arm"], runs["retention_of"], strict=True)))
    rows = [
        _row(own, teachers.loc[own["retention_of"].iloc[0]], between[str(arm)])
        for arm, own in runs.groupby("arm", sort=False)
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).assign(**dict.fromkeys(FRONTS, False))
    for _, own in table.groupby("of"):
        kept = own["retention"].to_numpy()
        for column, spent in FRONTS.items():
            known = own[spent].notna().to_numpy()
            table.loc[own.index, column] = known & front(own[spent].to_numpy(), kept)
    return table


def seeds_interval(ratios: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval over seeds: Student's t of the log ratios, exponentiated.

    It takes the queries, and the teacher, as given. On logs a bound cannot fall below 0. There is
    none with fewer than three seeds, nor where a seed has kept nothing at all.
    """
    if min(ratios) <= 0:
        return _NONE
    _, low, high = interval(np.log(ratios))
    return float(np.exp(low)), float(np.exp(high))


def front(sizes: np.ndarray, retentions: np.ndarray) -> np.ndarray:
    """Which points no other one beats: none is as small and keeps more, or smaller and as much."""
    smaller, as_small = sizes < sizes[:, None], sizes <= sizes[:, None]
    better, as_good = retentions > retentions[:, None], retentions >= retentions[:, None]
    beaten_by = (as_small & better) | (smaller & as_good)
    return np.logical_not(beaten_by.any(axis=1))


def _measured(results: Analysis, runs: pd.DataFrame) -> pd.DataFrame:
    """What is read of runs; the columns that a study from before retention lacks are empty."""
    columns = ["arm", "student", "retention", "retention_of", *SIZES, *SPEEDS]
    quality = runs[measure_columns(results.study)[0]]
    rows = runs.reindex(columns=columns).assign(quality=quality)
    return rows.assign(size=rows["query_parameters"].fillna(rows["parameters"]))


def _retention(results: Analysis, runs: pd.DataFrame, teachers: pd.DataFrame) -> pd.Series:
    """The summary's, which is of what everything was chosen by; of another measure the same."""
    if results.chosen_by in ("", results.study.primary):
        return runs["retention"]
    theirs = runs["retention_of"].map(teachers["quality"])
    return runs["quality"] / theirs.where(theirs != 0)


def _row(runs: pd.DataFrame, teacher: pd.Series, between: tuple[float, float]) -> dict[str, Any]:
    within = seeds_interval(runs["retention"])
    means = runs[["quality", "retention", *SIZES, *SPEEDS, "size"]].mean()
    return {
        "arm": runs["arm"].iloc[0],
        "student": runs["student"].iloc[0],
        "of": teacher.name,
        "seeds": len(runs),
        **means,
        "teacher quality": teacher["quality"],
        **dict(zip(("seeds low", "seeds high"), within, strict=True)),
        **dict(zip(("queries low", "queries high"), between, strict=True)),
        "teacher size": teacher["size"],
        "share": means["size"] / teacher["size"],
        "speed-up": teacher["query_seconds"] / means["query_seconds"],
    }


def _query_intervals(results: Analysis, of: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Of each arm the 95 % interval of the ratio of means, the arm's over the seeds as well."""
    primary, part = results.study.primary, results.study.test[0]
    queries = results.queries.reindex(columns=["role", "arm", "part", "query", primary])
    tested = queries[queries["part"] == part]
    if not of or tested.empty:  # the latter in a copy of a study without the folders of its runs
        return dict.fromkeys(of, _NONE)
    values = tested.pivot_table(primary, index="query", columns=["role", "arm"])
    pairs = {arm: (("final", arm), ("reference", teacher)) for arm, teacher in of.items()}
    systems = list(dict.fromkeys(system for pair in pairs.values() for system in pair))
    shown = values.reindex(columns=pd.MultiIndex.from_tuples(systems))
    drawn = resampled_means(shown.to_numpy(), resamples=RESAMPLES)
    means = dict(zip(systems, drawn.T, strict=True))
    return {arm: _ratio_bounds(means[own], means[theirs]) for arm, (own, theirs) in pairs.items()}


def _ratio_bounds(own: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Percentiles of the ratio; a resample in which the teacher finds nothing has none."""
    some = theirs != 0
    low, high = np.percentile(own[some] / theirs[some], [2.5, 97.5])
    return float(low), float(high)
