"""What the seeds of an arm say together: means, intervals, differences to the baseline."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from bench.results import CLOCKS, Results
from reports.reading import (
    RUN,
    arms,
    final_runs,
    measure_columns,
    option_columns,
    references,
    tested_points,
)
from reports.wording import options_text

FEWEST = 3
"""With fewer values there is no interval: two points say next to nothing about a spread."""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval; NaN where there is none."""

    mean: float
    low: float
    high: float


def interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Student's t interval of the mean; without bounds where there are fewer than three values."""
    known = _known(values)
    if len(known) < FEWEST:
        return _bare(known.mean() if len(known) else np.nan)
    half = stats.t.ppf((1 + level) / 2, len(known) - 1) * stats.sem(known)
    return _around(known.mean(), half)


def difference(values: Iterable[float], baseline: Iterable[float], level: float = 0.95) -> Interval:
    """Welch's t interval of the difference of two means, without bounds as in `interval`."""
    ours, theirs = _known(values), _known(baseline)
    if not len(ours) or not len(theirs):
        return _bare(np.nan)
    mean = ours.mean() - theirs.mean()
    if min(len(ours), len(theirs)) < FEWEST:
        return _bare(mean)
    if np.ptp(ours) == 0 == np.ptp(theirs):
        return _around(mean, 0.0)  # Welch's degrees of freedom would be 0 / 0
    with warnings.catch_warnings():  # seeds that agree to the last bit but one are no matter
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        bounds = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(level)
    return Interval(float(mean), float(bounds.low), float(bounds.high))


def arm_table(results: Results) -> pd.DataFrame:
    """A row an arm (its final runs), then a row a reference.

    Columns: arm, role, baseline, loss … sampler, options (as people read them, then each in full);
    seeds, done, failed; each test measure and the dev measure (at the tested point) with ``low``
    and ``high`` (the interval), ``least`` and ``most`` (the range) and, for test, ``difference``
    to the baseline with its interval; examples, the clocks and parameters as means; ``unpriced``
    where the summary has it.
    """
    runs, others = _with_dev(results, final_runs(results)), _with_dev(results, references(results))
    baseline = runs[runs["arm"] == results.study.baseline]
    rows = [_arm_row(results, arm, runs[runs["arm"] == arm], baseline) for arm in arms(results)]
    rows += [_reference_row(results, run) for _, run in others.groupby("arm", sort=False)]
    return pd.DataFrame(rows)


def dev_column(results: Results) -> str:
    """The name of the primary measure on dev-curve."""
    return f"dev {results.study.primary}"


def _with_dev(results: Results, runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with the dev value of the point they were tested at."""
    tested = tested_points(results).set_index(RUN)[results.study.primary]
    wanted = pd.MultiIndex.from_frame(runs[RUN])
    return runs.assign(**{dev_column(results): tested.reindex(wanted).to_numpy()})


def _arm_row(
    results: Results, arm: str, done: pd.DataFrame, baseline: pd.DataFrame
) -> dict[str, Any]:
    every = results.summary[results.summary["arm"] == arm]
    failed = final_runs(results, "failed")
    failed = failed[failed["arm"] == arm]
    final = pd.concat([done, failed])
    is_baseline = arm == results.study.baseline
    return {
        "arm": arm,
        "role": "final",
        "baseline": is_baseline,
        **_description(results, final if len(final) else every, chosen=len(final) > 0),
        "seeds": len(results.study.seeds),
        "done": len(done),
        "failed": len(failed),
        **_means(results, done, baseline.iloc[:0] if is_baseline else baseline),
    }


def _reference_row(results: Results, runs: pd.DataFrame) -> dict[str, Any]:
    run = runs.iloc[0]
    return {
        "arm": run["arm"],
        "role": "reference",
        "baseline": False,
        **_description(results, runs, chosen=False),
        "seeds": 1,
        "done": int(run["status"] == "done"),
        "failed": int(run["status"] == "failed"),
        **_means(results, runs, runs.iloc[:0]),
    }


def _description(results: Results, runs: pd.DataFrame, chosen: bool) -> dict[str, Any]:
    """What an arm is made of, and its options once they are chosen."""
    entries = {key: runs.iloc[0][key] for key in ("loss", "teacher", "student", "sampler")}
    names = option_columns(results.summary)
    options = {name: runs.iloc[0][name] if chosen else np.nan for name in names}
    return {**entries, "options": options_text(options), **options}


def _means(results: Results, runs: pd.DataFrame, baseline: pd.DataFrame) -> dict[str, Any]:
    """Measures, amounts and clocks over seeds; differences where ``baseline`` has runs."""
    row: dict[str, Any] = {}
    measures = measure_columns(results.study)
    for column in (*measures, dev_column(results)):
        values = runs[column]
        row |= _bounds(column, interval(values))
        row |= {f"{column} least": values.min(), f"{column} most": values.max()}
    for column in measures:
        row |= _bounds(f"{column} difference", difference(runs[column], baseline[column]))
    row |= {key: runs[key].mean() for key in ("examples", *CLOCKS, "parameters")}
    if "unpriced" in runs:
        row["unpriced"] = "; ".join(runs["unpriced"].dropna().unique())
    return row


def _bounds(column: str, value: Interval) -> dict[str, float]:
    return {column: value.mean, f"{column} low": value.low, f"{column} high": value.high}


def _known(values: Iterable[float]) -> np.ndarray:
    array = np.asarray(list(values), dtype=float)
    return array[~np.isnan(array)]


def _bare(mean: float) -> Interval:
    return Interval(float(mean), np.nan, np.nan)


def _around(mean: float, half: float) -> Interval:
    return Interval(float(mean), float(mean - half), float(mean + half))
