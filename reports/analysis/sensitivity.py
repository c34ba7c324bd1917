"""What hangs on a swept option of a loss: quality over its values, and what a choice of one costs.

The value of a sweep (`analysis.sweeps`) is chosen on dev-select; what test says of the choice is a
description, and nothing is chosen by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.selectors import RUN, best_on_select, final_runs, measure_columns, selection
from reports.analysis.statistics import Interval, difference, interval
from reports.analysis.sweeps import Sweep, find_sweeps

_CHOSEN_BY = "dev-select"
_DIGITS = 12  # in which two means must differ: the last ones hang on the order of the seeds

_SENSITIVITY = (
    *("arm", "sweep", "student", "option", "value", "seeds", "untrained", _CHOSEN_BY, "chosen"),
)
_REGRET = ("regret", "regret low", "regret high")
_DIFFERENCE = ("difference", "difference low", "difference high")
_SWEEPS = (
    *("sweep", "student", "option", "test", "values", "chosen"),
    *("at chosen", "at chosen low", "at chosen high", "best", "at best", "hindsight regret"),
    *("worst", "at worst", "mean regret", "worst regret"),
)
_BANDS = (
    *("sweep", "student", "option", "arm", "seeds", "untrained"),
    *("quality", "quality low", "quality high", "chosen", *_DIFFERENCE, "beats", "values"),
)
_TRANSFER = (
    *("sweep", "option", "from", "to", "from's choice", "own choice"),
    *("at from's choice", "at own choice", *_REGRET),
)


def sensitivity_table(results: Analysis) -> pd.DataFrame:
    """A row a value of a sweep, values rising.

    Columns: arm, sweep (what its arms share, the option as ``…``), student, option, value; seeds
    (how many are done); untrained (how many of them are best on dev-select before any training,
    so that test has the student as it was); dev-select (the mean over seeds of a run's best there);
    chosen (the value with the highest; of several the smallest); the primary measure on each test
    with ``low`` and ``high`` (Student's t over seeds); on the first test, regret (the mean at the
    chosen value − the mean here, with Welch's interval; 0 and none at the chosen value; negative
    where dev-select chose badly) and hindsight regret (the best mean of the sweep − the mean here:
    an oracle's, which looks at test).
    """
    runs, tests = _runs(results), primary_columns(results)
    rows = [row for sweep in find_sweeps(results) for row in _value_rows(sweep, runs, tests)]
    bounds = [f"{test}{end}" for test in tests for end in ("", " low", " high")]
    return pd.DataFrame(rows, columns=[*_SENSITIVITY, *bounds, *_REGRET, "hindsight regret"])


def sweeps_table(results: Analysis) -> pd.DataFrame:
    """A row a sweep and test.

    Columns: sweep, student, option; test (the column of the primary measure on it); values (how
    many); chosen (on dev-select, so the same for every test); at chosen (the mean there, with
    ``low`` and ``high``); best and at best (the value with the highest mean on this test, and that
    mean: an oracle's); hindsight regret (at best − at chosen; without an interval, as the best was
    picked by the numbers it would be of); worst and at worst; mean regret (at chosen − the mean of
    all values: what a value drawn at random costs) and worst regret (at chosen − at worst).
    """
    runs, tests = _runs(results), primary_columns(results)
    rows = [_sweep_row(sweep, runs, test) for sweep in find_sweeps(results) for test in tests]
    return pd.DataFrame(rows, columns=list(_SWEEPS))


def bands_table(results: Analysis) -> pd.DataFrame:
    """A row a sweep and an arm of the same student that is in no sweep, on the first test.

    Columns: sweep, student, option, arm, seeds, untrained (as in `sensitivity_table`); quality (its
    mean, with ``low`` and ``high``); chosen (the sweep's value); difference (quality − the mean at
    the chosen value, with Welch's interval); beats (how many of the sweep's values have a lower
    mean) and values (of how many).
    """
    runs, test, found = _runs(results), primary_columns(results)[0], find_sweeps(results)
    swept = {arm for sweep in found for arm in sweep.arms.values()}
    rows = [
        _band_row(sweep, runs, test, arm)
        for sweep in found
        for arm, own in runs.items()
        if arm not in swept and own["student"].iloc[0] == sweep.student
    ]
    return pd.DataFrame(rows, columns=list(_BANDS))


def transfer_table(results: Analysis) -> pd.DataFrame:
    """A row an ordered pair of sweeps over the same values that differ in the student alone.

    Columns: sweep (what both share), option; from and to (the students); from's choice and own
    choice (the value chosen on dev-select by each); at from's choice and at own choice (the means
    of ``to`` on the first test); regret (at own − at from's choice, with Welch's interval; 0 and
    none where both choose the same).
    """
    runs, test, found = _runs(results), primary_columns(results)[0], find_sweeps(results)
    rows = [
        _transfer_row(one, other, runs, test)
        for one in found
        for other in found
        if one is not other and one.shared == other.shared and list(one.arms) == list(other.arms)
    ]
    return pd.DataFrame(rows, columns=list(_TRANSFER))


def primary_columns(results: Analysis) -> list[str]:
    """The summary's columns of the primary measure, one a test."""
    return measure_columns(results.study)[:: len(results.study.measures)]


def _runs(results: Analysis) -> dict[str, pd.DataFrame]:
    """The done final runs of each arm: student, the primary measure on each test, on dev-select
    the best value and whether it is that of point 0."""
    runs = final_runs(results)
    index = pd.MultiIndex.from_frame(runs[RUN])
    best = best_on_select(results).set_index(RUN)["value"].reindex(index).to_numpy()
    curves = results.curves.reindex(columns=[*RUN, "point", selection(results)])
    start = curves[curves["point"] == 0].set_index(RUN).iloc[:, -1].reindex(index).to_numpy()
    rows = runs[["arm", "student", *primary_columns(results)]]
    rows = rows.assign(**{_CHOSEN_BY: best, "untrained": start == best})
    return {str(arm): own for arm, own in rows.groupby("arm", sort=False)}


def _means(sweep: Sweep, runs: Mapping[str, pd.DataFrame], column: str) -> pd.Series:
    """The mean over seeds, by value."""
    means = {value: runs[arm][column].mean() for value, arm in sweep.arms.items()}
    return pd.Series(means).round(_DIGITS)


def _best(means: pd.Series) -> float:
    """The value with the highest mean, of several the smallest; NaN where nothing is known."""
    return float(means.idxmax()) if means.notna().any() else np.nan


def _chosen(sweep: Sweep, runs: Mapping[str, pd.DataFrame]) -> float:
    return _best(_means(sweep, runs, _CHOSEN_BY))


def _value_rows(
    sweep: Sweep, runs: Mapping[str, pd.DataFrame], tests: list[str]
) -> Iterator[dict[str, Any]]:
    chosen, means = _chosen(sweep, runs), _means(sweep, runs, tests[0])
    for value, arm in sweep.arms.items():
        own = runs[arm]
        row = {
            **{"arm": arm, "sweep": sweep.label, "student": sweep.student},
            **{"option": sweep.option, "value": value, "seeds": len(own)},
            "untrained": int(own["untrained"].sum()),
            **{_CHOSEN_BY: own[_CHOSEN_BY].mean(), "chosen": value == chosen},
        }
        for test in tests:
            row |= _bounds(test, interval(own[test]))
        row |= _bounds("regret", _regret(sweep, runs, tests[0], chosen, value))
        yield {**row, "hindsight regret": means.max() - means[value]}


def _sweep_row(sweep: Sweep, runs: Mapping[str, pd.DataFrame], test: str) -> dict[str, Any]:
    chosen, means = _chosen(sweep, runs), _means(sweep, runs, test)
    best, worst = _best(means), _best(-means)
    at_chosen = means.get(chosen, np.nan)
    return {
        **{"sweep": sweep.label, "student": sweep.student, "option": sweep.option},
        **{"test": test, "values": len(means), "chosen": chosen},
        **_bounds("at chosen", interval(_at(sweep, runs, test, chosen))),
        **{"best": best, "at best": means.max(), "hindsight regret": means.max() - at_chosen},
        **{"worst": worst, "at worst": means.min()},
        **{"mean regret": at_chosen - means.mean(), "worst regret": at_chosen - means.min()},
    }


def _band_row(
    sweep: Sweep, runs: Mapping[str, pd.DataFrame], test: str, arm: str
) -> dict[str, Any]:
    chosen, means, own = _chosen(sweep, runs), _means(sweep, runs, test), runs[arm]
    return {
        **{"sweep": sweep.label, "student": sweep.student, "option": sweep.option},
        **{"arm": arm, "seeds": len(own), "untrained": int(own["untrained"].sum())},
        **_bounds("quality", interval(own[test])),
        "chosen": chosen,
        **_bounds("difference", difference(own[test], _at(sweep, runs, test, chosen))),
        "beats": int((means < round(own[test].mean(), _DIGITS)).sum()),
        "values": len(means),
    }


def _transfer_row(
    giver: Sweep, taker: Sweep, runs: Mapping[str, pd.DataFrame], test: str
) -> dict[str, Any]:
    given, own = _chosen(giver, runs), _chosen(taker, runs)
    means = _means(taker, runs, test)
    return {
        **{"sweep": taker.shared, "option": taker.option},
        **{"from": giver.student, "to": taker.student},
        **{"from's choice": given, "own choice": own},
        **{"at from's choice": means.get(given, np.nan), "at own choice": means.get(own, np.nan)},
        **_bounds("regret", _regret(taker, runs, test, own, given)),
    }


def _regret(
    sweep: Sweep, runs: Mapping[str, pd.DataFrame], test: str, chosen: float, other: float
) -> Interval:
    """What it costs to take another value than the chosen one."""
    if chosen == other:
        return Interval(0.0, np.nan, np.nan)  # the same runs: nothing is uncertain about it
    return difference(_at(sweep, runs, test, chosen), _at(sweep, runs, test, other))


def _at(
    sweep: Sweep, runs: Mapping[str, pd.DataFrame], column: str, value: float
) -> Iterable[float]:
    """Of each seed at a value; nothing where no value could be chosen."""
    return runs[sweep.arms[value]][column] if value in sweep.arms else ()


def _bounds(column: str, value: Interval) -> dict[str, float]:
    return {column: value.mean, f"{column} low": value.low, f"{column} high": value.high}
