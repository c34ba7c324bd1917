"""Curves by hand: the target, the point that gets there, what it took; checked on paper."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.analysis.costs import charged
from reports.analysis.selectors import curves
from reports.analysis.targets import (
    RESAMPLES,
    Target,
    first_of_two,
    gain,
    read_curves,
    targets,
    to_target,
)
from tests.reports.results_builder import Run, make

SLOW = Run([0.1, 0.2, 0.5, 0.5, 0.5])
BASELINE = [Run([0.1, 0.3, 0.5, 0.5, 0.5]), Run([0.1, 0.3, 0.4, 0.5, 0.5]), SLOW]
TEACHER = [("prepare", "embeddings 1", 40.0), ("score", "scores 2", 40.0), ("read", "all", 3.0)]


def _rows(results, arm, **wanted):
    table = to_target(results)
    table = table[table["arm"] == arm]
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


@pytest.mark.parametrize(
    ("values", "point"),
    [
        ([0.1, 0.5, 0.5, 0.5], 1),
        ([0.1, 0.5, 0.4, 0.6, 0.7], 3),  # a lucky one does not count
        ([0.6, 0.5, 0.1], 0),
        ([0.1, 0.2, 0.5], -1),  # the last alone
        ([0.1, 0.2, 0.3], -1),
        ([0.1, 0.5, math.nan, math.nan], -1),  # the run has ended
        ([0.5, 0.5, math.nan], 0),
        ([0.7], -1),
    ],
)
def test_the_first_of_two_in_a_row_at_or_above_the_target(values, point):
    assert first_of_two(np.array(values), 0.5) == point
    assert first_of_two(np.array([values, values]), np.array([[0.5], [9.0]])).tolist() == [
        point,
        -1,
    ]


def test_no_target_is_never_reached():
    assert first_of_two(np.array([0.5, 0.5, 0.6]), math.nan) == -1


def test_the_target_is_a_share_of_the_baselines_gain_over_its_untrained_student():
    results = make({"b": BASELINE}, targets=[0.99, 1.0, 0.5], quality=0.42)
    table = to_target(results)
    assert list(table["target"].unique()) == [
        "99 % of the gain",
        "100 % of the gain",
        "50 % of the gain",
        "0.42",
    ]
    # Untrained 0.1, at the end 0.5.
    assert list(table["quality"].unique()) == pytest.approx([0.496, 0.5, 0.3, 0.42])
    assert list(table["gain"][::3])[:3] == [0.99, 1.0, 0.5]
    assert table["gain"][9:].isna().all()
    assert list(table["point"]) == [2, 3, 2, 2, 3, 2, 1, 1, 2, 2, 3, 2]
    assert list(table["examples"])[:3] == [200, 300, 200]
    assert list(table["resolution"]) == [100.0] * 12
    assert table["reached"].all()


def test_without_being_asked_the_headline_is_99_percent():
    assert targets(make({"b": BASELINE})) == [Target(0.99), Target(1.0), Target(0.95)]


def test_ends_are_means_of_the_baselines_seeds_wherever_each_ends():
    """Also where patience ended one of them early."""
    runs = [Run([0.1, 0.6, 0.6], stopped="patience"), Run([0.3, 0.3, 0.3, 0.6, 0.9])]
    table = to_target(make({"b": runs}, targets=[0.5]))
    assert list(table["quality"]) == pytest.approx([(0.2 + 0.75) / 2] * 2)
    assert list(table["point"]) == [1, 3]
    assert list(table["stopped"]) == [True, False]
    assert list(table["budget"]) == [200, 400]


def test_the_end_of_one_seed_is_reached_by_what_equals_it():
    """0.3 + (0.9 − 0.3) rounds to more than 0.9, and a mean of three 0.1 to more than 0.1."""
    for start, end in ((0.3, 0.9), (0.1, 0.7), (0.0, 0.1)):
        runs = [Run([start, end, end])] * 3
        assert to_target(make({"b": runs}, targets=[1.0]))["reached"].all()


@pytest.mark.parametrize("end", [0.1, 0.05])
def test_a_baseline_that_gains_nothing_is_no_target_but_a_value_is(end):
    results = make({"b": [Run([0.1, 0.5, 0.5, end])]}, targets=[0.99], quality=0.5)
    share, value = to_target(results).itertuples()
    assert math.isnan(share.quality)
    assert not share.reached
    assert share.examples == math.inf
    assert (value.reached, value.point, value.quality) == (True, 1, 0.5)


def test_who_is_there_before_training_took_no_examples_and_what_is_due_before():
    arm = Run([0.6, 0.6, 0.6, 0.6, 0.6], TEACHER)
    (row,) = _rows(make({"b": BASELINE, "a": [arm]}, targets=[0.99]), "a").itertuples()
    assert (row.reached, row.point, row.examples, row.train, row.cold) == (True, 0, 0, 0, 40)
    assert row.warm == 3
    assert math.isnan(row.resolution)


def test_who_never_gets_there_is_censored_not_dropped():
    arm = [Run([0.1, 0.2, 0.2]), Run([0.1, 0.3, 0.3, 0.3, 0.6]), Run([0.1, 0.5, 0.5])]
    rows = _rows(make({"b": BASELINE, "a": arm}, targets=[0.99]), "a")
    assert list(rows["reached"]) == [False, False, True]
    assert list(rows["point"]) == [-1, -1, 1]
    assert list(rows["examples"]) == [math.inf, math.inf, 100]
    for clock in ("train", "warm", "cold", "tuned"):
        assert list(np.isinf(rows[clock])) == [True, True, False]
    assert list(rows["budget"]) == [200, 400, 200]
    assert list(rows["resolution"].isna()) == [True, True, False]
    assert not rows["stopped"].any()


def test_every_clock_is_charged_up_to_the_point():
    """40 s up front; 40 s of scoring for 400 examples is 0.1 s an example; 10 s a point of 100."""
    bills = [*TEACHER, ("mine", "run", 8.0), ("evaluate", "run", 99.0), ("start", "run", 77.0)]
    trial = [("prepare", "embeddings 1", 40.0), ("prepare", "tokens 9", 2.0)]
    trial += [("train", "run", 5.0), ("mine", "run", 1.0), ("evaluate", "run", 4.0)]
    arm = Run([0.1, 0.2, 0.5, 0.5, 0.5], bills)
    results = make({"b": BASELINE, "a": [arm]}, trials={"a": [trial, trial]}, targets=[0.99])
    (row,) = _rows(results, "a").itertuples()
    assert row.examples == 200
    assert row.train == 20
    assert row.warm == pytest.approx(3 + 4 + 20)
    assert row.cold == pytest.approx(40 + 20 + 4 + 20)
    # Both trials; what they prepared and the run does not need, once.
    assert row.tuned == pytest.approx(row.cold + 2 * (5 + 1 + 4) + 2)


def test_charges_end_at_the_clocks_of_the_summary():
    results = make({"b": BASELINE, "a": [Run([0.1] * 5, TEACHER)]}, trials={"a": [TEACHER]})
    runs = results.summary[results.summary["role"] == "final"].set_index(["arm", "seed"])
    for clock in ("train", "warm", "cold", "tuned"):
        rows = charged(results, curves(results, "final"), clock)
        assert set(rows["clock"]) == {clock}
        ends = rows.groupby(["arm", "seed"])["seconds"].max()
        assert ends.to_dict() == pytest.approx(runs[f"{clock}_seconds"].to_dict())


def test_nothing_due_before_the_first_step_is_exactly_nothing():
    """As a difference of clocks it would be −7e-15 here, which has no logarithm."""
    scored = Run([0.1] * 4, [("score", "s", 100.3), ("mine", "run", 0.7)], seconds=20.1 / 3)
    rows = charged(make({"b": [scored]}), curves(make({"b": [scored]}), "final"), "cold")
    assert list(rows["fixed_seconds"]) == [0] * 4
    assert rows["seconds"].iloc[0] == 0


def test_a_schedule_that_ends_with_the_budget_has_no_times_to_a_target():
    assert to_target(make({"b": BASELINE}, schedule="linear")).empty
    assert "tuned" in to_target(make({"b": BASELINE}, schedule="linear"))


def test_without_a_finished_baseline_there_is_no_target():
    runs = [Run([0.1, 0.2], status="failed")]
    assert to_target(make({"b": runs, "a": BASELINE})).empty
    assert to_target(make({"b": runs})).empty


def test_failed_seeds_are_not_there():
    runs = [BASELINE[0], replace(SLOW, status="failed"), BASELINE[2]]
    assert list(to_target(make({"b": runs}, targets=[1.0]))["seed"]) == [1, 3]


def test_records_of_before_lack_columns_and_queries():
    results = make({"b": BASELINE})
    summary = results.summary.drop(columns=["stopped", "labels", "train_queries"])
    older = replace(results, summary=summary, dev=pd.DataFrame())
    pd.testing.assert_frame_equal(to_target(older), to_target(results))
    assert read_curves(older).resampled() is None


# By query, of dev-curve: [point][query].
FIRST = [[0.0, 0.2], [0.4, 0.2], [0.6, 0.8]]
SECOND = [[0.2, 0.2], [0.4, 0.4], [0.8, 1.0]]


def test_queries_are_known_where_every_run_has_them_all():
    results = make({"b": [Run(FIRST), Run(SECOND), Run(FIRST[:2], stopped="patience")]})
    found = read_curves(results)
    expected = np.array([FIRST, SECOND, [*FIRST[:2], [math.nan] * 2]])
    np.testing.assert_array_equal(found.queries, expected.transpose(2, 0, 1))
    np.testing.assert_allclose(found.values, expected.mean(axis=2))
    dev = results.dev
    lost = [dev["seed"] == 2, dev["point"] == 1, dev.index == 3]
    for rows in lost:
        assert read_curves(replace(results, dev=dev[~rows])).queries is None


def test_neither_rows_nor_seeds_need_an_order():
    results = make({"b": [Run(FIRST, TEACHER), Run(SECOND)], "a": [Run(SECOND), Run(FIRST)]})
    mixed = {
        name: getattr(results, name).sample(frac=1, random_state=3)
        for name in ("curves", "ledger", "dev")
    }
    pd.testing.assert_frame_equal(to_target(replace(results, **mixed)), to_target(results))
    again = read_curves(replace(results, **mixed)).resampled()
    np.testing.assert_allclose(again, read_curves(results).resampled(), atol=1e-12)


def test_resampled_targets_are_of_resampled_curves():
    results = make({"b": [Run(FIRST), Run(SECOND)]})
    found = read_curves(results)
    drawn = np.random.default_rng(0).integers(2, size=(RESAMPLES, 2))
    again = found.resampled()
    assert again == pytest.approx(found.queries[drawn].mean(axis=1))
    quality = found.target(Target(0.5), "b", again)
    for at in range(20):
        one, other = drawn[at]
        start = (FIRST[0][one] + FIRST[0][other] + SECOND[0][one] + SECOND[0][other]) / 4
        end = (FIRST[2][one] + FIRST[2][other] + SECOND[2][one] + SECOND[2][other]) / 4
        assert quality[at] == pytest.approx(start + 0.5 * (end - start))


def test_the_gain_has_intervals_over_seeds_and_over_queries():
    third = [[0.1, 0.1], [0.2, 0.2], [0.3, 0.9]]
    found = read_curves(make({"b": [Run(FIRST), Run(SECOND), Run(third)]}))
    again = found.resampled()
    said = gain(found, "b", again)
    gains = [0.6, 0.7, 0.5]
    assert (said.start, said.end) == pytest.approx(((0.1 + 0.2 + 0.1) / 3, (0.7 + 0.9 + 0.6) / 3))
    low, high = stats.t.interval(0.95, 2, 0.6, stats.sem(gains))
    assert said.over_seeds == pytest.approx((0.6, low, high))
    # The gain of a query, by resample: (0.6, 0.6) of the first, 0.6, 0.8 and 0.2, 0.8.
    of_query = np.array([(0.6 + 0.6 + 0.2) / 3, (0.6 + 0.8 + 0.8) / 3])
    drawn = of_query[np.random.default_rng(0).integers(2, size=(RESAMPLES, 2))].mean(axis=1)
    assert said.over_queries == pytest.approx((0.6, *np.percentile(drawn, [2.5, 97.5])))
    assert not said.may_be_zero
    unknown = gain(found, "b", None)
    assert math.isnan(unknown.over_queries.low)
    assert not unknown.may_be_zero


@pytest.mark.parametrize(
    "ends", [[0.1, 0.1, 0.1], [0.9, 0.1, 0.1], [0.0]], ids=["none", "one seed's", "a loss"]
)
def test_a_gain_that_may_be_zero_is_called_so(ends):
    found = read_curves(make({"b": [Run([0.1, end, end]) for end in ends]}))
    assert gain(found, "b", None).may_be_zero


def test_a_gain_on_one_query_of_many_may_be_zero():
    runs = [Run([[0.0] * 10, [1.0 + seed / 100] + [0.0] * 9]) for seed in range(3)]
    found = read_curves(make({"b": runs}))
    said = gain(found, "b", found.resampled())
    assert said.over_seeds.low > 0
    assert said.may_be_zero


EIGHTHS = st.integers(1, 8).map(lambda number: number / 8)


@settings(max_examples=40, deadline=None)
@given(st.lists(EIGHTHS, min_size=3, max_size=6), st.lists(EIGHTHS, max_size=3), EIGHTHS)
def test_a_point_after_getting_there_changes_nothing(values, more, target):
    def row(dev):
        results = make({"b": BASELINE, "a": [Run(dev, TEACHER[:1])]}, quality=target)
        return _rows(results, "a", target=f"{target:g}").drop(columns="budget")

    before = row(values)
    if before["reached"].item():
        pd.testing.assert_frame_equal(row([*values, *more]), before)
    assert before["reached"].item() == any(min(pair) >= target for pair in pairwise(values))
