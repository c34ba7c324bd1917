"""How often intervals cover the truth and tests reject a true null, measured by simulation.

``python -m reports.coverage`` writes coverage.csv anew, under four minutes' work. A row a setting:

- ``method``: "ratio" (`reports.statistics.ratio` of restricted values), "bootstrap" (of the same,
  percentiles over seeds resampled, which is not used: the row shows why), "seeds and queries"
  (`seeds_and_queries` of two arms), "one arm" (the same of one), "randomisation"
  (`paired_randomisation`), "curves" and "curves, seeds alone" (`reports.speed` from the curves on:
  its ``low`` and ``high``, its ``seeds low`` and ``seeds high``);
- ``seeds`` of the arm, ``baseline seeds`` and ``queries``, where the method knows of them;
- ``arm spread`` and ``baseline spread``: σ of the logs of an arm's log-normal values; where there
  are queries, of an arm's effect on a query;
- ``arm censored`` and ``baseline censored``: the share of values beyond the one horizon; of
  curves, of runs that did not get there, as they were drawn;
- ``draws``; ``coverage``: the share of 95 % intervals that hold the truth; ``rejects``: the share
  of tests with p ≤ 5 %, of Welch's test where both arms have the same truth;
- the other columns: see `reports.coverage_curves`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from reports.resampling import paired_randomisation
from reports.statistics import seeds_and_queries

FILE = Path(__file__).with_name("coverage.csv")
DRAWS = 10_000
SEEDS: tuple[int, ...] = (3, 5, 10)
CENSORED = (0.0, 0.3, 0.6)
SPREADS = ((0.3, 0.3), (0.2, 0.5))
UNEVEN_SPREADS = (*SPREADS, (0.5, 0.2))
"""With uneven numbers of seeds it matters which side varies more."""

FLAT: float = 8.0
"""A budget, in the baseline's median τ, at whose end few of its runs are not yet there."""

QUERIES = (65, 300)
HONEST = (0.94, 0.965)
"""The coverage of a 95 % interval that needs no label."""

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


@cache
def measured(seeds: int, censored: float, more: int | None = None) -> float | None:
    """The coverage of `ratio` by coverage.csv, the one farthest from 95 % of those that apply.

    ``seeds`` of the smaller side, rounded down to a number simulated; ``more``, of the larger side
    where it has more, rounded up; ``censored``, in [0, 1], the share of the side with the larger
    one, rounded up. None with fewer than three seeds or above 60 % censored.
    """
    if seeds < min(SEEDS) or censored > max(CENSORED):
        return None
    fewer = max(number for number in SEEDS if number <= seeds)
    larger = fewer
    if more is not None and more > seeds:
        larger = min((number for number in SEEDS if number >= more), default=max(SEEDS))
    share = min(share for share in CENSORED if share >= censored)
    table = _committed()
    most = table[["arm censored", "baseline censored"]].max(axis=1)
    sides = (table["seeds"] == fewer) & (table["baseline seeds"] == larger)
    found = table.loc[(table["method"] == "ratio") & sides & (most == share), "coverage"]
    return float(found.iloc[(found - 0.95).abs().argmax()])


def label(seeds: int, censored: float, more: int | None = None) -> str:
    """What has to stand beside a 95 % interval of `ratio`; empty where it keeps its promise.

    The arguments are those of `measured`.
    """
    share = measured(seeds, censored, more)
    if share is None:
        return "coverage not measured"
    return "" if HONEST[0] <= share <= HONEST[1] else f"covers {100 * share:.1f} % in simulation"


def pipeline_label(seeds: int, queries: bool = True) -> str:
    """What the intervals of `reports.speed` covered from the curves on; empty with too few seeds.

    Worst and best with so many ``seeds`` (of the smaller side), rounded down to a number simulated,
    targets of 95 and 99 % of the gain and a budget that censors few runs. Without ``queries``, of
    the intervals over seeds alone.
    """
    if seeds < min(SEEDS):
        return ""
    fewer = max(number for number in SEEDS if number <= seeds)
    table = _committed().set_index(["method", "seeds", "budget"]).sort_index()
    rows = table.loc["curves" if queries else "curves, seeds alone", fewer, FLAT]
    found = 100 * rows.loc[rows["gain"] >= 0.95, "coverage"]
    share = f"{found.min():.0f} to {found.max():.0f} % in simulation with {fewer} seeds"
    return f"with the target estimated from the same runs, such intervals covered {share}"


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
    """The bounds and the p-value of `reports.statistics.difference`, a row of seeds a draw."""
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


@cache
def _committed() -> pd.DataFrame:
    return pd.read_csv(FILE)


if __name__ == "__main__":
    from reports.coverage_curves import simulate_curves  # it measures what needs the labels here

    whole = ("seeds", "baseline seeds", "queries", "points", "factor")
    rows = pd.concat([simulate(), simulate_curves()], ignore_index=True)
    rows.round(4).astype(dict.fromkeys(whole, "Int64")).to_csv(FILE, index=False)
