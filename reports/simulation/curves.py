"""How often the intervals of `analysis.speed` cover the truth, from noisy curves to a ratio.

What `reports.simulation.formulas` asks of single formulas is asked here of the whole way: the
target is estimated from the baseline's own seeds, each run is read off a noisy curve on a grid of
points, and only then come the ratio, Welch's t and the bootstrap over queries. Seeds and dev-curve
queries are drawn anew in every draw. The functions are the ones that the reports call; only the
bootstrap has 200 resamples and not 2,000, which is noise of 5 % in the standard deviation over
queries.

The model. A run's quality after e examples is q0 + G·(1 − exp(−e/τ)), τ log-normal over seeds
around 1 for the baseline and 1 ÷ factor for the arm, and G the same for both. On a query it is that
of the query and not q0 before training, which cancels; the gain is G, what the query adds to it,
the same for all arms, and an arm's effect on the query; a run has an effect on the query that stays
and, at each point, one that does not. Before training all runs are the same student. Besides, a
run's quality over all queries wobbles from point to point, as it does at a constant learning rate.

The truth has infinitely many seeds and all queries: the target is that of the mean over all
baseline runs, the crossing the first of two points at or above it on the same grid, the ratio that
of geometric means. Two truths are measured against: of crossings restricted to the budget (what
restricted means estimate) and of crossings wherever they are (what a bound is a bound on).

Columns beside those of `reports.simulation.formulas`: points; budget, in the baseline's median τ;
gain, the target; factor, how many times as fast the arm is; truth, the restricted one; off, the
geometric mean of the ratios ÷ it; answered, the share of draws with an interval, which coverage is
of; bounds, the share whose ratio is marked ≤ or ≥; right side, the share of their intervals that
have the unrestricted ratio where the bound says: below the upper end for ≤, above the lower for ≥.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.analysis.interval_calibration import FLAT, SEEDS
from reports.analysis.resampling import resampled_means
from reports.analysis.speed import Times, compare
from reports.analysis.targets import Curves, Target, first_of_two


class Design(NamedTuple):
    """What one set of draws shares.

    Attributes:
        effect: σ of an arm's effect on a query's gain.
        points: evaluation points behind point 0.
        budget: in the median τ of the baseline.
        gains: shares of the baseline's gain that are targets.
    """

    seeds: int
    queries: int
    effect: float
    points: int = 20
    budget: float = FLAT
    gains: tuple[float, ...] = (0.99, 0.95)


DRAWS = 1_000
RISING = 2.0
"""A budget at whose end the baseline's mean gain is 0.84 of the plateau; at `FLAT` it is 0.997."""

FACTORS = (1, 3)
"""How many times as fast as the baseline an arm is."""

# Not every combination: the points and the budget are varied where queries matter least, and a
# lower target where they matter most.
DESIGNS = tuple(
    design
    for seeds in SEEDS
    for design in (
        Design(seeds, 65, 0.05),
        Design(seeds, 65, 0.2, gains=(0.99, 0.95, 0.8)),
        Design(seeds, 300, 0.05),
        Design(seeds, 300, 0.2),
        Design(seeds, 300, 0.05, points=8),
        Design(seeds, 300, 0.05, budget=RISING),
    )
)

# nDCG@10 on dev-curve as small students with 65 queries had it: the untrained one 0.33, gains of
# 0.1 to 0.25; over queries, a standard deviation of 0.4 and of gains 0.2. Of a run on a query it
# was 0.18 and consecutive points correlated by 0.27; runs' means varied by 0.022 where this alone
# would be 0.019, and the wobble is the difference.
_START, _PLATEAU, _SPREAD = 0.33, 0.15, 0.3
_QUERY, _SHARED, _BOTH, _STAYS, _WOBBLE = 0.4, 0.15, 0.18, 0.27, 0.01
_RESAMPLES = 200
_AT_ONCE = 10  # draws that share resamples
_RUNS = 40_000  # of the truth
_FAR = 5  # budgets in which even the slowest of these gets there
_ROUNDING = 1e-9


class Truth(NamedTuple):
    """Logs of the true ratio: of crossings restricted to the budget and of all."""

    restricted: float
    crossed: float


def simulate_curves(
    draws: int = DRAWS, seed: int = 0, designs: Sequence[Design] = DESIGNS
) -> pd.DataFrame:
    """Rows of coverage.csv: two for each design, share of the gain and factor."""
    return pd.DataFrame([row for design in designs for row in _rows(design, draws, seed)])


@cache
def truths(points: int, budget: float, gains: tuple[float, ...]) -> dict[tuple[float, int], Truth]:
    """By share of the gain and factor."""
    spent = budget * np.arange(_FAR * points + 1) / points
    arms = {}
    for factor in FACTORS:
        rng = np.random.default_rng(1)  # the same for both: a factor of 1 is a ratio of 1
        quality = _START + _PLATEAU * _progress(rng, (_RUNS,), factor, spent)
        quality[:, 1:] += _WOBBLE * rng.standard_normal((_RUNS, _FAR * points))
        arms[factor] = quality
    end = arms[1][:, points].mean()
    found = {}
    for gain, factor in product(gains, FACTORS):
        target = float(Target(gain=gain).of(np.array(_START), end))
        logs = []
        for quality in (arms[factor], arms[1]):
            restricted = first_of_two(quality[:, : points + 1], target)
            crossed = spent[first_of_two(quality, target)]
            logs.append([np.where(restricted < 0, budget, spent[restricted]), crossed])
        ours, theirs = np.log(logs).mean(axis=2)
        found[gain, factor] = Truth(*(float(log) for log in ours - theirs))
    return found


def drawn_values(rng: np.random.Generator, design: Design, draws: int) -> np.ndarray:
    """Values of the baseline's runs and of an arm's for each factor [Q, draws, R, P]."""
    seeds, queries, effect, points, budget, _ = design
    spent = budget * np.arange(points + 1) / points
    runs = (1 + len(FACTORS)) * seeds
    values = np.zeros((queries, draws, runs, points + 1))
    trained = values[..., 1:]
    trained += rng.standard_normal(trained.shape)
    trained *= _BOTH * np.sqrt(1 - _STAYS)
    trained += _BOTH * np.sqrt(_STAYS) * rng.standard_normal((queries, draws, runs, 1))
    trained += _WOBBLE * rng.standard_normal((draws, runs, points))
    shared = _PLATEAU + _SHARED * rng.standard_normal((queries, draws))
    for arm, factor in enumerate((1, *FACTORS)):
        gain = shared + effect * rng.standard_normal((queries, draws))
        progress = _progress(rng, (draws, seeds), factor, spent)
        values[:, :, arm * seeds : (arm + 1) * seeds] += gain[..., None, None] * progress
    values += (_START + _QUERY * rng.standard_normal((queries, draws)))[..., None, None]
    return values


def compared(design: Design, values: np.ndarray) -> Iterator[tuple[float, int, dict[str, Any]]]:
    """Each draw's share of the gain, factor and row of `reports.analysis.speed.compare`."""
    seeds, queries, _, points, budget, gains = design
    spent = budget * np.arange(points + 1) / points
    arms = ["baseline", *map(str, FACTORS)]
    runs = pd.DataFrame({"arm": np.repeat(arms, seeds)})
    # Of one draw's shape: its methods take the values of as many draws as there are.
    curves = Curves(
        runs, np.zeros((len(runs), len(spent))), {"examples": np.tile(spent, (len(runs), 1))}, None
    )
    means = values.mean(axis=0)
    again = resampled_means(values.reshape(queries, -1), resamples=_RESAMPLES)
    again = again.reshape(_RESAMPLES, *means.shape)
    for gain in gains:
        target = Target(gain=gain)
        reached, reached_again = (
            curves.reached(each, curves.target(target, arms[0], each)) for each in (means, again)
        )
        for factor in FACTORS:
            drawn = _times(curves, reached_again, str(factor)).log_ratio()
            for draw, points_of_draw in enumerate(reached):
                times = _times(curves, points_of_draw, str(factor))
                yield gain, factor, compare(times, drawn[:, draw], "examples")


def _times(curves: Curves, reached: np.ndarray, arm: str) -> Times:
    sides = [curves.rows(arm), curves.rows("baseline")]
    places = [(rows, reached[..., rows]) for rows in sides]
    places += [(rows, curves.ends[rows]) for rows in sides]
    return Times(*(curves.amounts("examples", *place) for place in places))


def _rows(design: Design, draws: int, seed: int) -> Iterator[dict[str, Any]]:
    # A design's draws are its own, whichever others are simulated.
    rng = np.random.default_rng([seed, *(int(100 * number) for number in design[:5])])
    found: dict[tuple[float, int], list[dict[str, Any]]] = {}
    for first in range(0, draws, _AT_ONCE):
        values = drawn_values(rng, design, min(_AT_ONCE, draws - first))
        for gain, factor, row in compared(design, values):
            found.setdefault((gain, factor), []).append(row)
    true = truths(design.points, design.budget, design.gains)
    for (gain, factor), rows in found.items():
        table, truth = pd.DataFrame(rows), true[gain, factor]
        ours, theirs = (
            1 - float(table[reached].mean()) / design.seeds
            for reached in ("reached", "baseline reached")
        )
        setting = {
            "seeds": design.seeds,
            "baseline seeds": design.seeds,
            "queries": design.queries,
            "arm spread": design.effect,
            "baseline spread": design.effect,
            "arm censored": ours,
            "baseline censored": theirs,
            "draws": draws,
            "points": design.points,
            "budget": design.budget,
            "gain": gain,
            "factor": factor,
            "truth": np.exp(truth.restricted),
            "off": np.exp(np.log(table["ratio"]).mean() - truth.restricted),
        }
        both = _shares(table, table["low"], table["high"], truth)
        alone = _shares(table, table["seeds low"], table["seeds high"], truth)
        yield {"method": "curves", **setting, **both}
        yield {"method": "curves, seeds alone", **setting, **alone}


def _shares(table: pd.DataFrame, low: pd.Series, high: pd.Series, truth: Truth) -> dict[str, float]:
    """Of the draws with an interval, those whose interval is right; and how many have one."""
    lows, highs = np.log(low) - _ROUNDING, np.log(high) + _ROUNDING
    covered = (lows <= truth.restricted) & (truth.restricted <= highs)
    right = np.where(table["bound"] == "≤", truth.crossed <= highs, lows <= truth.crossed)
    known, bound = low.notna(), table["bound"].isin(["≤", "≥"])
    return {
        "coverage": covered[known].mean(),
        "right side": right[known & bound].mean(),
        "answered": known.mean(),
        "bounds": bound.mean(),
    }


def _progress(
    rng: np.random.Generator, shape: tuple[int, ...], factor: float, spent: np.ndarray
) -> np.ndarray:
    """The share of the plateau that runs have gained [*shape, P]."""
    pace = factor * np.exp(_SPREAD * rng.standard_normal(shape))
    return 1 - np.exp(-pace[..., None] * spent)
