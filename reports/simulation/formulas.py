"""How often intervals cover the truth and tests reject a true null, measured by simulation.

A row a setting:

- ``method``: "ratio" (`analysis.statistics.ratio` of restricted values), "bootstrap" (of the same,
  percentiles over seeds resampled, which is not used: the row shows why), "seeds and queries"
  (`seeds_and_queries` of two arms), "one arm" (the same of one), "randomisation"
  (`paired_randomisation`), "curves" and "curves, seeds alone" (`analysis.speed` from the curves on:
  its ``low`` and ``high``, its ``seeds low`` and ``seeds high``);
- ``seeds`` of the arm, ``baseline seeds`` and ``queries``, where the method knows of them;
- ``arm spread`` and ``baseline spread``: σ of the logs of an arm's log-normal values; where there
  are queries, of an arm's effect on a query;
- ``arm censored`` and ``baseline censored``: the share of values beyond the one horizon; of
  curves, of runs that did not get there, as they were drawn;
- ``draws``; ``coverage``: the share of 95 % intervals that hold the truth; ``rejects``: the share
  of tests with p ≤ 5 %, of Welch's test where both arms have the same truth;
- the other columns: see `reports.simulation.curves`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from reports.analysis.interval_calibration import CENSORED, SEEDS
from reports.analysis.resampling import paired_randomisation
from reports.analysis.statistics import seeds_and_queries

DRAWS = 10_000
SPREADS = ((0.3, 0.3), (0.2, 0.5))
UNEVEN_SPREADS = (*SPREADS, (0.5, 0.2))
"""With uneven numbers of seeds it matters which side varies more."""

QUERIES = (65, 300)

# Standard deviations of nDCG@10: of queries, of seeds, and of a seed's effect on a query. They are
# near what studies of small students with three seeds and 135 queries had; so are the effects of an
# arm on a query: arms alike (two margins of one loss) and unlike (two losses or two students).
_QUERY, _SEED, _BOTH = 0.4, 0.015, 0.18
_ARMS = (0.05, 0.2)
_COLUMNS = (
    *("method", "seeds", "baseline seeds", "queries", "arm spread", "baseline spread"),
    *("arm censored", "baseline censored", "draws", "coverage", "rejects"),
)
_RESAMPLES = 1_000
_AT_ONCE = 100  # draws that share resamples


def simulate(draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """The rows of coverage.csv, those of curves aside."""
    rng = np.random.default_rng(seed)
    rows = [*_ratios(rng, draws), *_bootstraps(rng, draws)]
    return pd.DataFrame([*rows, *_crossed(rng, draws), *_randomisations(rng, draws)])


def restricted_logs(
    rng: np.random.Generator, spread: float, censored: float, shape: tuple[int, int]
) -> tuple[np.ndarray, float]:
    """Logs of log-normal values restricted to a horizon of 1, and the mean that they estimate.

    The share ``censored`` of all values is beyond the horizon; 0 is no horizon.
    """
    normal = rng.standard_normal(shape)
    if not censored:
        return spread * normal, 0.0
    top = stats.norm.isf(censored)
    mean = spread * (top * censored - stats.norm.pdf(top) - top)
    return spread * np.minimum(normal - top, 0), float(mean)


def welch_bounds(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, ...]:
    """The bounds and the p-value of `analysis.statistics.difference`, a row of seeds a draw."""
    test = stats.ttest_ind(ours, theirs, axis=1, equal_var=False)
    return (*test.confidence_interval(0.95), test.pvalue)


def bootstrap_bounds(
    rng: np.random.Generator, ours: np.ndarray, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the difference of means of resampled seeds, a row of seeds a draw."""
    size = ours.shape[1]
    parts = []
    for first in range(0, len(ours), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        weights = rng.multinomial(size, np.full(size, 1 / size), (2, _RESAMPLES)) / size
        means = ours[rows] @ weights[0].T - theirs[rows] @ weights[1].T
        parts.append(np.percentile(means, [2.5, 97.5], axis=1))
    low, high = np.concatenate(parts, axis=1)
    return low, high


def _ratios(rng: np.random.Generator, draws: int) -> Iterator[dict[str, Any]]:
    even = product(((seeds, seeds) for seeds in SEEDS), SPREADS)
    uneven = product(combinations(SEEDS, 2), UNEVEN_SPREADS)
    for (seeds, spreads), censored in product([*even, *uneven], product(CENSORED, CENSORED)):
        (ours, mean), (theirs, base) = (
            restricted_logs(rng, spread, share, (draws, number))
            for spread, share, number in zip(spreads, censored, seeds, strict=True)
        )
        low, high, p = welch_bounds(ours, theirs)
        yield _row("ratio", draws, seeds, spreads=spreads, censored=censored) | {
            "coverage": _covered(low, high, mean - base),
            "rejects": np.mean(p <= 0.05) if mean == base else np.nan,
        }


def _bootstraps(rng: np.random.Generator, draws: int) -> Iterator[dict[str, Any]]:
    for seeds, spreads in product(SEEDS, SPREADS):
        ours, theirs = (restricted_logs(rng, arm, 0, (draws, seeds))[0] for arm in spreads)
        low, high = bootstrap_bounds(rng, ours, theirs)
        row = _row("bootstrap", draws, (seeds, seeds), spreads=spreads, censored=(0, 0))
        yield row | {"coverage": _covered(low, high, 0)}


def _crossed(rng: np.random.Generator, draws: int) -> Iterator[dict[str, Any]]:
    for seeds, queries, effect in product(SEEDS, QUERIES, _ARMS):
        bounds = [_crossed_bounds(rng, seeds, queries, effect) for _ in range(draws)]
        two, one = np.array(bounds).transpose(1, 2, 0)
        for method, (low, high), sides in (
            ("seeds and queries", two, (seeds, seeds)),
            ("one arm", one, (seeds, None)),
        ):
            row = _row(method, draws, sides, queries, spreads=(effect, effect))
            yield row | {"coverage": _covered(low, high, 0)}


def _crossed_bounds(
    rng: np.random.Generator, seeds: int, queries: int, effect: float
) -> list[tuple[float, float]]:
    """The bounds of two arms' difference and of one arm, both 0, in crossed random effects.

    A value is the sum of a seed's effect, a query's (the same for both arms), an arm's effect on
    the query and a rest. The bootstrap over queries is replaced by what its standard deviation
    tends to, that of the queries ÷ √ their number: two draws with that deviation stand for it.
    """
    values = (
        _SEED * rng.standard_normal((2, seeds, 1))
        + _QUERY * rng.standard_normal(queries)
        + effect * rng.standard_normal((2, 1, queries))
        + _BOTH * rng.standard_normal((2, seeds, queries))
    )
    (ours, theirs), by_query = values.mean(axis=2), values.mean(axis=1)
    found = []
    for other, of_queries in ((theirs, by_query[0] - by_query[1]), (None, by_query[0])):
        error = np.std(of_queries) / np.sqrt(queries)
        found.append(seeds_and_queries(ours, other, np.array([-error, error]) / np.sqrt(2))[1:])
    return found


def _randomisations(rng: np.random.Generator, draws: int) -> Iterator[dict[str, Any]]:
    """Of two arms with the same, skewed, distribution: a few queries make the difference."""
    for queries in QUERIES:
        values = rng.standard_exponential((2, queries, draws)) ** 2
        p = paired_randomisation(values[0] - values[1])
        yield _row("randomisation", draws, queries=queries) | {"rejects": np.mean(p <= 0.05)}


def _row(
    method: str,
    draws: int,
    seeds: tuple[int | None, int | None] = (None, None),
    queries: int | None = None,
    spreads: tuple[float, float] = (np.nan, np.nan),
    censored: tuple[float, float] = (np.nan, np.nan),
) -> dict[str, Any]:
    known = (method, *seeds, queries, *spreads, *censored, draws, np.nan, np.nan)
    return dict(zip(_COLUMNS, known, strict=True))


def _covered(low: np.ndarray, high: np.ndarray, truth: float) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))
