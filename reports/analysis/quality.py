"""Whether an arm is better than the baseline, worse, or as good: on the test queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reports.analysis.base import Analysis, cached
from reports.analysis.resampling import paired_randomisation, resampled_means
from reports.analysis.selectors import arms
from reports.analysis.statistics import difference, effect_size, holm, seeds_and_queries, wins

ALL = "all tests"
"""The mean of the tests' means, where a study has several."""

_COLUMNS = (
    *("arm", "baseline", "test", "queries", "seeds", "baseline seeds", "difference", "low", "high"),
    *("seeds low", "seeds high", "queries low", "queries high", "p", "p Holm", "effect size"),
    *("wins", "ties", "losses", "margin", "matches"),
)


@cached
def quality_table(results: Analysis) -> pd.DataFrame:
    """A row a test and arm but the baseline: the primary measure minus the baseline's.

    Columns: arm, baseline; test (its name; `ALL` for the mean of several), queries; seeds of both;
    difference, with its 95 % interval over seeds and queries (low, high:
    `statistics.seeds_and_queries`), over seeds (Welch's t) and over queries (percentiles of a
    bootstrap, by test, 10,000 resamples, seeds averaged); p, of a paired randomisation test of
    seed-averaged queries, and on the study's first test adjusted for the number of arms (Holm);
    effect size (Cohen's d_z of the queries' differences; `ALL` has neither this nor a p); wins,
    ties, losses (queries); margin, and whether the arm matches the baseline: ``yes``, ``no`` (worse
    by more than the margin), ``open``; empty where the study states no margin, or there is no
    interval.
    """
    found = _read(results)
    baseline = results.study.baseline
    others = [arm for arm in arms(results) if arm in found.means and arm != baseline]
    if not others or baseline not in found.means:
        return pd.DataFrame(columns=list(_COLUMNS))
    tests = list(found.by_query)
    shown = [*tests, ALL] if len(tests) > 1 else tests
    table = pd.concat([_compare(results, found, test, others) for test in shown])
    first = table["test"] == tests[0]
    table.loc[first, "p Holm"] = holm(table.loc[first, "p"])
    return table.reindex(columns=list(_COLUMNS)).reset_index(drop=True)


@dataclass(frozen=True)
class _Found:
    """The primary measure of final runs.

    Attributes:
        by_query: of each test, the mean over seeds, a row a query, a column an arm.
        means: of each arm, a row a seed, a column a test.
    """

    by_query: Mapping[str, pd.DataFrame]
    means: Mapping[str, pd.DataFrame]


def _read(results: Analysis) -> _Found:
    primary = results.study.primary
    rows = results.queries.reindex(columns=["arm", "role", "seed", "part", "query", primary])
    rows = rows[(rows["role"] == "final") & rows["part"].isin(results.study.tested)]
    parts = [part for part in results.study.tested if part in set(rows["part"])]
    by_query = {
        part: rows[rows["part"] == part].pivot_table(primary, index="query", columns="arm")
        for part in parts
    }
    means = rows.pivot_table(primary, index=["arm", "seed"], columns="part")
    return _Found(by_query, {arm: means.loc[arm][parts] for arm in means.index.unique("arm")})


def _compare(results: Analysis, found: _Found, test: str, others: list[str]) -> pd.DataFrame:
    baseline = results.study.baseline
    tests = list(found.by_query) if test == ALL else [test]
    parts = [found.by_query[one].reindex(columns=[baseline, *others]) for one in tests]
    values = pd.concat(parts)
    strata = np.repeat(np.arange(len(tests)), list(map(len, parts)))
    drawn = resampled_means(values.to_numpy(), strata if test == ALL else None)
    gaps = values[others].to_numpy() - values[[baseline]].to_numpy()
    p_values = paired_randomisation(gaps) if test != ALL else np.full(len(others), np.nan)
    counts, sizes = wins(gaps), effect_size(gaps)
    margin = results.study.comparison.margin
    rows = []
    for at, arm in enumerate(others):
        sides = [found.means[one][tests] for one in (arm, baseline)]
        ours, theirs = (side.mean(axis=1, skipna=False) for side in sides)
        draws = drawn[:, at + 1] - drawn[:, 0]
        over_seeds, both = difference(ours, theirs), seeds_and_queries(ours, theirs, draws)
        low, high = np.percentile(draws, [2.5, 97.5])
        row: dict[str, Any] = {"arm": arm, "baseline": baseline, "test": test}
        row |= {"queries": len(values), "seeds": len(ours), "baseline seeds": len(theirs)}
        row |= {"difference": both.mean, "low": both.low, "high": both.high}
        row |= {"seeds low": over_seeds.low, "seeds high": over_seeds.high}
        row |= {"queries low": float(low), "queries high": float(high), "p": p_values[at]}
        row |= {"p Holm": np.nan, "effect size": sizes[at] if test != ALL else np.nan}
        row |= {"wins": counts.win[at], "ties": counts.tie[at], "losses": counts.loss[at]}
        row |= {"margin": margin, "matches": _matches(both.low, both.high, margin)}
        rows.append(row)
    return pd.DataFrame(rows).astype({"margin": float})


def _matches(low: float, high: float, margin: float | None) -> str:
    """Non-inferiority: the whole interval on one side of what would be worse by the margin."""
    if margin is None or np.isnan(low):
        return ""
    return "yes" if low > -margin else "no" if high < -margin else "open"
