"""Clocks that do not compare are told of; quiet ones are not."""

from dataclasses import replace

import pytest

from bench.results import TENTHS
from bench.results.summary_row import _tenths
from reports.analysis.clocks import unequal_clocks

ARMS = [{"name": "margin-mse"}, {"name": "b"}]


@pytest.fixture
def results(study):
    made = study(arms=ARMS)
    return replace(made, summary=made.summary.assign(first_tenth=0.1, last_tenth=0.1))


def _set(results, arm, seed, **columns):
    run = (results.summary["arm"] == arm) & (results.summary["seed"] == seed)
    for name, value in columns.items():
        results.summary.loc[run, name] = value


def test_quiet_clocks(results):
    assert [*unequal_clocks(results)] == []
    old = replace(results, summary=results.summary.drop(columns=[*TENTHS]))
    assert [*unequal_clocks(old)] == []


def test_whoever_came_first_has_paid(results):
    """As it was on a GPU: the same work in 70 s and in 8."""
    _set(results, "b", 1, first_tenth=0.8, train_seconds=69.7)
    _set(results, "b", 2, train_seconds=20.0)
    _set(results, "b", 3, train_seconds=8.2)
    slow, unequal = unequal_clocks(results)
    assert slow.startswith("1 of 6 final runs began slowly: a step of the first tenth took up to")
    assert "8.00 times as long as one of the last (of b, seed 1)" in slow
    assert "b (8.50)" in unequal
    assert "margin-mse" not in unequal


def test_tenths_are_of_steps():
    marks = [(10, 5.0), *((10 * n, 5.0 + n) for n in range(2, 10)), (104, 16.8)]
    assert _tenths(marks) == (0.5, pytest.approx(2.8 / 14))
    assert _tenths([(10, 5.0), (20, 6.0)]) == (0.5, 0.1)
    assert _tenths([(1, 5.0), (2, 6.0)]) == (None, None)  # a step is as long as its texts
    assert _tenths([(10, 5.0)]) == _tenths([]) == (None, None)
