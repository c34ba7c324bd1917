"""What the seeds of each arm say together: means, intervals, differences to the baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.results import CLOCKS
from reports.analysis.base import Analysis, cached
from reports.analysis.selectors import (
    RUN,
    arms,
    final_runs,
    measure_columns,
    option_columns,
    references,
    tested_points,
)
from reports.analysis.statistics import Interval, difference, interval
from reports.formatting import options_text


@cached
def arm_table(results: Analysis) -> pd.DataFrame:
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


def dev_column(results: Analysis) -> str:
    """The name of the primary measure on dev-curve."""
    return f"dev {results.study.primary}"


def _with_dev(results: Analysis, runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with the dev value of the point they were tested at."""
    tested = tested_points(results).set_index(RUN)[results.study.primary]
    wanted = pd.MultiIndex.from_frame(runs[RUN])
    return runs.assign(**{dev_column(results): tested.reindex(wanted).to_numpy()})


def _arm_row(
    results: Analysis, arm: str, done: pd.DataFrame, baseline: pd.DataFrame
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


def _reference_row(results: Analysis, runs: pd.DataFrame) -> dict[str, Any]:
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


def _description(results: Analysis, runs: pd.DataFrame, chosen: bool) -> dict[str, Any]:
    """What an arm is made of, and its options once they are chosen."""
    entries = {key: runs.iloc[0][key] for key in ("loss", "teacher", "student", "sampler")}
    names = option_columns(results.summary)
    options = {name: runs.iloc[0][name] if chosen else np.nan for name in names}
    return {**entries, "options": options_text(options), **options}


def _means(results: Analysis, runs: pd.DataFrame, baseline: pd.DataFrame) -> dict[str, Any]:
    """Measures, amounts and clocks over seeds; differences where ``baseline`` has runs."""
    row: dict[str, Any] = {}
    measures = measure_columns(results.study)
    for column in (*measures, dev_column(results)):
        values = runs[column]
        row |= _bounds(column, interval(values))
        row |= {f"{column} least": values.min(), f"{column} most": values.max()}
    for column in measures:
        row |= _bounds(f"{column} difference", difference(runs[column], baseline[column]))
    amounts = runs.reindex(columns=["examples", *CLOCKS, "parameters"])  # older ones lack some
    row |= amounts.mean().to_dict()
    if "unpriced" in runs:
        row["unpriced"] = "; ".join(runs["unpriced"].dropna().unique())
    return row


def _bounds(column: str, value: Interval) -> dict[str, float]:
    return {column: value.mean, f"{column} low": value.low, f"{column} high": value.high}
