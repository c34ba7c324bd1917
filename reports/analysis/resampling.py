"""What is drawn again to say how sure a number is: queries, the signs of differences, ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

RESAMPLES = 10_000

FEWEST_PAIRS = 4
"""With three, no p-value is below a third."""

_SEED = 0
_DRAWN_AT_ONCE = 1 << 17  # queries: what a processor's cache holds, and little memory
_SUMMED_AT_ONCE = 1 << 20
_ROUNDING = 100 * np.finfo(float).eps


def resampled_means(
    values: np.ndarray,
    strata: Sequence[object] | np.ndarray | None = None,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """Means of resampled queries: (queries, systems) → (resamples, systems).

    A resample has as many queries, drawn with replacement, and they are the same for every system
    (a paired bootstrap); percentiles of what is computed from the means are an interval over
    queries like those of the collection (Efron & Tibshirani, An Introduction to the Bootstrap,
    1993, chapter 13). With ``strata``, a label a query, they are drawn within each stratum and the
    result is the mean of the strata's means, however many queries each has. The same resamples are
    drawn each time. Raises IndexError where there are not as many labels as queries.
    """
    rng = np.random.default_rng(_SEED)
    if strata is None:
        return _means(rng, values, resamples)
    labels, own = np.unique(np.asarray(strata), return_inverse=True)
    total = np.zeros((resamples, values.shape[1]))
    for number in range(len(labels)):
        total += _means(rng, values[own == number], resamples)
    return total / len(labels)


def paired_randomisation(differences: np.ndarray, resamples: int = RESAMPLES) -> np.ndarray:
    """Two-sided p-values of no difference: (queries, systems) → (systems,).

    Fisher's randomisation test: were there no difference, each query's could as well have the
    other sign (Smucker, Allan & Carterette, CIKM 2007). The same signs are drawn for every system,
    (1 + as extreme) ÷ (1 + resamples); where there are no more patterns of signs than resamples,
    each is taken once and the share of those as extreme is exact. A NaN difference has a p of NaN.
    """
    size, systems = differences.shape
    exact = 2**size <= resamples
    patterns = 2**size if exact else resamples
    observed = np.abs(differences.sum(axis=0))
    # A tie is a tie although sums round: relative as scipy's permutation_test, but to the terms.
    least = observed - _ROUNDING * np.abs(differences).sum(axis=0)
    extreme = np.zeros(systems, dtype=int)
    step = max(_SUMMED_AT_ONCE // max(size, systems, 1), 1)
    for signs in _signs(size, patterns, step, exact):
        extreme += np.count_nonzero(np.abs(signs @ differences) >= least, axis=0)
    shares = extreme / patterns if exact else (1 + extreme) / (1 + patterns)
    return np.where(np.isnan(observed), np.nan, shares)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Spearman's ρ and its two-sided permutation p-value, exact for up to seven pairs.

    Pairs with a NaN are left out. Both are NaN with fewer than four pairs, or where one side is
    constant. The permutations are scipy's, as its documentation of `spearmanr` advises for few
    pairs.
    """
    pairs = np.array([x, y], dtype=float)
    pairs = pairs[:, ~np.isnan(pairs).any(axis=0)]
    if pairs.shape[1] < FEWEST_PAIRS or not np.ptp(pairs, axis=1).all():
        return np.nan, np.nan
    ranks = stats.rankdata(pairs, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    ours, theirs = ranks / np.linalg.norm(ranks, axis=1, keepdims=True)
    found = stats.permutation_test(
        (ours,),
        lambda permuted, axis: permuted @ theirs,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=RESAMPLES - 1,
        rng=np.random.default_rng(_SEED),
    )
    return float(found.statistic), float(found.pvalue)


def _means(rng: np.random.Generator, values: np.ndarray, resamples: int) -> np.ndarray:
    size = len(values)
    step = max(_DRAWN_AT_ONCE // size, 1)
    return np.concatenate(
        [
            _counts(rng, min(step, resamples - first), size) @ values / size
            for first in range(0, resamples, step)
        ]
    )


def _counts(rng: np.random.Generator, resamples: int, size: int) -> np.ndarray:
    """How often each query is in each resample: (resamples, size)."""
    drawn = rng.integers(size, size=(resamples, size))
    drawn += np.arange(resamples)[:, None] * size  # a range of numbers for each resample
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size)


def _signs(size: int, patterns: int, step: int, exact: bool) -> Iterator[np.ndarray]:
    """Patterns of signs in parts of at most ``step``: (≤ step, size) of −1.0 and 1.0."""
    rng = np.random.default_rng(_SEED)
    for first in range(0, patterns, step):
        rows = np.arange(first, min(first + step, patterns))
        if exact:  # the bits of a pattern's number
            flipped = rows[:, None] >> np.arange(size) & 1
        else:
            flipped = rng.integers(2, size=(len(rows), size), dtype=np.int8)
        yield 1.0 - 2.0 * flipped
