"""Ratios by hand: curves whose crossings are on paper, bills whose sums are, every bound."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.storage.clocks import CLOCKS
from reports.analysis.speed import MOST_LOST, speed_by_trials, speed_table
from reports.analysis.statistics import seeds_and_queries
from reports.analysis.targets import AMOUNTS, RESAMPLES, to_target
from tests.reports.results_builder import EACH, PRIMARY, Run, make

POINTS = 6


def crosses(point, points=POINTS, **options):
    """A run that goes from 0.1 to 0.5 and is there at this evaluation point."""
    return Run([0.1] * point + [0.5] * (points - point), **options)


def never(points=POINTS, **options):
    return Run([0.1] * points, **options)


def ratios(results, quantity="examples", **wanted):
    """Rows of one quantity, by arm."""
    table = speed_table(results, **wanted)
    return table[table["quantity"] == quantity].set_index("arm")


def value(baseline, arm, **options):
    """The row of an arm's examples to 0.5 as a value."""
    table = ratios(make({"b": baseline, "a": arm}, quality=0.5, **options))
    return table[table["gain"].isna()].loc["a"]


def test_ratios_are_of_geometric_means_and_intervals_welchs():
    baseline, arm = [crosses(4), crosses(3), crosses(4)], [crosses(1), crosses(2), crosses(2)]
    ours, theirs = np.log([100, 200, 200]), np.log([400, 300, 400])
    results = make({"b": baseline, "a": arm}, targets=[0.99])
    test = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    (row,) = ratios(results).to_dict("records")
    assert row["ratio"] == pytest.approx((100 * 200 * 200 / (400 * 300 * 400)) ** (1 / 3))
    assert (row["seeds low"], row["seeds high"]) == pytest.approx(tuple(np.exp(test)))
    assert (row["target"], row["gain"], row["baseline"]) == ("99 % of the gain", 0.99, "b")
    assert (row["seeds"], row["reached"]) == (row["baseline seeds"], row["baseline reached"])
    assert (row["reached"], row["horizon"], row["bound"]) == (3, math.inf, "")
    assert row["coverage"] == ""
    assert all(math.isnan(row[name]) for name in ("low", "high", "queries low", "lost"))
    (row,) = ratios(results, "train").to_dict("records")
    back = stats.ttest_ind(theirs, ours, equal_var=False).confidence_interval()
    assert row["ratio"] == pytest.approx(math.exp(theirs.mean() - ours.mean()))
    assert (row["seeds low"], row["seeds high"]) == pytest.approx(tuple(np.exp(back)))


def test_a_teacher_is_paid_before_and_by_the_example():
    """40 s up front and 0.1 s an example (50 s for 500); 10 s of training a point of 100."""
    teacher = (("prepare", "embeddings", 40.0), ("score", "scores", 50.0), ("read", "x", 2.0))
    arms = {"b": [crosses(4)], "a": [crosses(1, bills=teacher)]}
    table = speed_table(make(arms, targets=[1.0])).set_index("quantity")["ratio"]
    assert list(table.index) == list(AMOUNTS)
    assert table["examples"] == pytest.approx(1 / 4)
    assert table["train"] == pytest.approx(40 / 10)
    assert table["warm"] == pytest.approx(40 / (2 + 10))
    assert table["cold"] == pytest.approx(40 / (40 + 10 + 10))
    assert table["tuned"] == pytest.approx(40 / (40 + 10 + 10))


def test_rows_by_target_then_arm_then_quantity():
    arms = {"b": [crosses(3)], "z": [crosses(2)], "a": [crosses(4)]}
    table = speed_table(make(arms, targets=[1.0, 0.5], quality=0.3))
    shares, others = ["100 % of the gain", "50 % of the gain", "0.3"], ["z", "a"]
    expected = [(share, arm, what) for share in shares for arm in others for what in AMOUNTS]
    assert list(zip(table["target"], table["arm"], table["quantity"], strict=True)) == expected


@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_seeds_there_is_a_ratio_and_no_interval(seeds):
    for sides in ((seeds, 3), (3, seeds), (seeds, seeds)):
        baseline, arm = (
            [crosses(point)] * count for point, count in zip((4, 2), sides, strict=True)
        )
        row = value(baseline, arm)
        assert row["ratio"] == pytest.approx(0.5)
        assert all(math.isnan(row[name]) for name in ("seeds low", "seeds high", "low", "high"))
        assert row["coverage"] == ""
        assert (row["baseline seeds"], row["seeds"]) == sides


def test_an_arm_that_is_not_there_yet_takes_at_least():
    """Of 500 examples; one ended by patience at 300, up to which both are compared."""
    row = value([crosses(1), crosses(2)], [crosses(1), never(4, stopped="patience")])
    assert (row["horizon"], row["bound"]) == (300, "≥")
    assert (row["reached"], row["baseline reached"]) == (1, 2)
    assert row["ratio"] == pytest.approx(math.sqrt(100 * 300 / (100 * 200)))


def test_a_baseline_that_is_not_there_yet_leaves_at_most():
    row = value([crosses(2), never()], [crosses(1), crosses(3)])
    assert (row["horizon"], row["bound"]) == (500, "≤")
    assert row["ratio"] == pytest.approx(math.sqrt(100 * 300 / (200 * 500)))


def test_seconds_turn_a_bound_over():
    results = make({"b": [crosses(2), crosses(2)], "a": [crosses(1), never()]}, targets=[1.0])
    for clock in CLOCKS:
        row = ratios(results, clock).loc["a"]
        assert (row["horizon"], row["bound"]) == (50, "≤")
        assert row["ratio"] == pytest.approx(math.sqrt(20 * 20 / (10 * 50)))
    results = make({"b": [crosses(2), never()], "a": [crosses(1)]}, quality=0.5)
    assert set(ratios(results, "cold")["bound"]) == {"≥"}


def test_censored_on_both_sides_is_a_bound_of_neither():
    row = value([crosses(2), never()], [crosses(1), never(5)])
    assert (row["horizon"], row["bound"]) == (400, "~")
    assert row["ratio"] == pytest.approx(math.sqrt(100 * 400 / (200 * 400)))


def test_a_run_that_got_there_after_the_horizon_is_restricted_too():
    """The baseline's 400 count as 300, so that the arm may well take less than the ratio says: by
    301 examples of its second run, √(100 · 301 ÷ (100 · 400)), which is 0.87 and not 1."""
    row = value([crosses(1), crosses(4)], [crosses(1), never(4, stopped="patience")])
    assert (row["horizon"], row["bound"]) == (300, "~")
    assert row["ratio"] == pytest.approx(1)
    row = value([crosses(1), never(4)], [crosses(1), crosses(4)])
    assert (row["horizon"], row["bound"]) == (300, "~")


def test_there_at_the_horizon_is_there_by_then():
    row = value([never(4)], [crosses(3)])
    assert (row["horizon"], row["bound"], row["ratio"]) == (300, "≤", 1)


@pytest.mark.parametrize(
    ("baseline", "arm"),
    [
        ([never()], [never()]),
        ([crosses(4)], [never(3, stopped="patience")]),  # later than it is known
        ([never(3, stopped="patience")], [crosses(4)]),
    ],
)
def test_where_neither_is_there_by_the_horizon_there_is_no_ratio(baseline, arm):
    row = value(baseline * 3, arm * 3)
    assert math.isfinite(row["horizon"])
    names = ("ratio", "low", "high", "seeds low", "seeds high", "queries low", "queries high")
    assert all(math.isnan(row[name]) for name in names)
    assert row["coverage"] == ""


@pytest.mark.filterwarnings("error")
def test_who_is_there_at_once_has_no_ratio_of_what_it_did_not_use():
    teacher = (("prepare", "embeddings", 8.0),)
    arms = {"b": [crosses(2)] * 3, "a": [crosses(0, bills=teacher)] * 3, "c": [crosses(0)] * 3}
    table = speed_table(make(arms, targets=[1.0])).set_index(["arm", "quantity"])
    for place in (("a", "examples"), ("a", "train"), ("a", "warm"), ("c", "cold")):
        assert math.isnan(table.loc[place, "ratio"])
        assert table.loc[place, "reached"] == 3
    assert table.loc[("a", "cold"), "ratio"] == pytest.approx(20 / 8)
    both = make({"b": [crosses(0)], "a": [crosses(0)]}, quality=0.4)
    assert speed_table(both)["ratio"].isna().all()


def test_intervals_of_restricted_times_say_what_they_cover():
    baseline = [crosses(1), crosses(2), crosses(3)]
    arm = [crosses(1), crosses(3), never()]
    row = value(baseline, arm)
    test = stats.ttest_ind(np.log([100, 300, 500]), np.log([100, 200, 300]), equal_var=False)
    assert (row["seeds low"], row["seeds high"]) == pytest.approx(
        tuple(np.exp(test.confidence_interval()))
    )
    assert "covers" in row["coverage"]
    most = value([crosses(1)] * 3, [crosses(2), never(), never()])
    assert most["coverage"] == "coverage not measured"  # two thirds are censored
    # None of the baseline's is censored, two thirds are restricted.
    cut = value([crosses(1), crosses(4), crosses(4)], [crosses(1), crosses(1), never(4)])
    assert cut["coverage"] == "coverage not measured"


def test_another_arm_may_be_compared_with_on_the_same_target():
    arms = {"b": [crosses(4)], "a": [crosses(1)], "c": [Run([0.1, 0.1, 0.9, 0.9, 0.9, 0.9])]}
    table = ratios(make(arms, targets=[1.0]), baseline="c")
    assert list(table.index) == ["b", "a"]
    assert list(table["ratio"]) == pytest.approx([2, 0.5])
    assert set(table["baseline"]) == {"c"}
    assert ratios(make(arms), baseline="nobody").empty


def test_a_baseline_that_gains_nothing_leaves_no_ratio():
    rows = ratios(make({"b": [never()] * 3, "a": [crosses(1)] * 3}, targets=[0.99], quality=0.5))
    assert list(rows["ratio"].isna()) == [True, False]
    assert list(rows["reached"]) == [0, 3]
    assert rows["bound"].iloc[1] == "≤"


def test_nothing_is_said_where_the_schedule_ends_with_the_budget_or_the_baseline_failed():
    failed = [Run([0.1], status="failed")]
    for results in (
        make({"b": [crosses(1)], "a": [crosses(2)]}, schedule="cosine"),
        make({"b": failed, "a": [crosses(1)]}, quality=0.5),
        make({"b": failed}),
    ):
        for table in (speed_table(results), speed_by_trials(results)):
            assert table.empty
            assert "ratio" in table
    failed_too = make({"b": failed, "a": [crosses(1)], "c": [crosses(2)]}, quality=0.5)
    assert speed_table(failed_too, baseline="a").empty  # whose is the target?


def test_an_arm_without_a_finished_run_is_left_out():
    arms = {"b": [crosses(1)], "a": [Run([0.1], status="failed")], "c": [crosses(2)]}
    results = make(arms, targets=[1.0])
    assert set(speed_table(results)["arm"]) == set(speed_by_trials(results)["arm"]) == {"c"}
    assert speed_table(make({"b": [crosses(1)]})).empty
    older = replace(results, summary=results.summary.drop(columns=["stopped", "labels"]))
    pd.testing.assert_frame_equal(speed_table(older), speed_table(results))


# Queries: an independent, slow computation of every resample.


def noisy(rng, level, queries=7, **options):
    """A run that rises to the level, with noise by query."""
    return Run(
        [
            list(0.2 * rng.random(queries) + level * (1 - math.exp(-1.5 * point)))
            for point in range(POINTS)
        ],
        **options,
    )


def _mean(values):
    return math.fsum(values) / len(values)


def _slow(results, gain, quality, what, arms=("b", "a")):
    """The log ratio of each resample, with loops; None where there is none."""
    spent = {"examples": EACH, "train": 10.0}[what]
    dev = results.dev.sort_values(["arm", "seed", "point", "query"])
    curves = {
        key: [list(rows[PRIMARY]) for _, rows in own.groupby("point")]
        for key, own in dev.groupby(["arm", "seed"])
    }
    size = dev["query"].nunique()
    found = []
    for drawn in np.random.default_rng(0).integers(size, size=(RESAMPLES, size)):
        means = {
            key: [_mean([values[query] for query in drawn]) for values in points]
            for key, points in curves.items()
        }
        ours = [values for (arm, _), values in means.items() if arm == "b"]
        start, end = (_mean([values[at] for values in ours]) for at in (0, -1))
        target = quality
        if gain is not None:
            target = start + gain * (end - start) if end > start else math.inf
        times, ends = {}, []
        for key, values in means.items():
            pairs = list(pairwise(values))
            there = [at for at, pair in enumerate(pairs) if min(pair) >= target]
            times[key] = spent * there[0] if there else math.inf
            if not there:
                ends.append(spent * (len(values) - 1))
        horizon = min(ends, default=math.inf)
        if min(times.values()) == 0 or min(times.values()) > horizon:
            found.append(None)
            continue
        logs = {
            arm: _mean([math.log(min(t, horizon)) for (one, _), t in times.items() if one == arm])
            for arm in arms
        }
        found.append(logs["a"] - logs["b"])
    return found


@pytest.mark.parametrize("what", ["examples", "train"])
@pytest.mark.parametrize(
    ("gain", "quality", "early"), [(0.9, None, 0), (None, 0.5, 0), (0.8, None, 1)]
)
def test_intervals_over_queries_are_those_of_a_slow_loop(what, gain, quality, early):
    """The target is estimated anew in each resample; some runs are censored in some of them."""
    rng = np.random.default_rng(5)
    baseline = [noisy(rng, 0.5) for _ in range(3)]
    arm = [noisy(rng, 0.52) for _ in range(3)]
    if early:
        arm[2] = replace(arm[2], dev=arm[2].dev[:4], stopped="patience")
    given = {"targets": [gain]} if gain else {"quality": quality}
    results = make({"b": baseline, "a": arm}, **given)
    row = ratios(results, what).iloc[-1]
    found = _slow(results, gain, quality, what)
    sign = 1 if what == "examples" else -1
    known = [sign * one for one in found if one is not None]
    assert row["lost"] == pytest.approx(1 - len(known) / RESAMPLES)
    assert row["lost"] <= MOST_LOST
    assert len(set(np.round(known, 9))) > 3
    low, high = np.exp(np.percentile(known, [2.5, 97.5]))
    assert (row["queries low"], row["queries high"]) == pytest.approx((low, high))
    assert row["queries low"] <= row["ratio"] <= row["queries high"]
    seen = to_target(results)
    seen = seen[seen["target"] == row["target"]].set_index("arm")[what]
    ours, theirs = (np.log(np.minimum(seen[name], row["horizon"])) for name in ("a", "b"))
    both = seeds_and_queries(sign * ours, sign * theirs, np.array(known))
    # Never narrower than either source of variation alone.
    lows = [np.exp(both.low), row["seeds low"], row["queries low"]]
    highs = [np.exp(both.high), row["seeds high"], row["queries high"]]
    assert (row["low"], row["high"]) == pytest.approx((min(lows), max(highs)))


def test_where_too_many_resamples_have_no_answer_there_is_no_interval_over_queries():
    """A gain on one query of three is none in 8 of 27 resamples."""
    runs = [Run([[0.0, 0.1, 0.1]] + [[0.9, 0.1, 0.1]] * 3)] * 3
    row = ratios(make({"b": runs, "a": runs}, targets=[1.0])).loc["a"]
    assert row["lost"] == pytest.approx(8 / 27, abs=0.05)
    assert row["seeds low"] == row["ratio"] == row["seeds high"] == 1
    assert all(math.isnan(row[name]) for name in ("queries low", "queries high", "low", "high"))
    surer = [Run([[0.0] * 3] + [[0.9] * 3] * 3)] * 3
    row = ratios(make({"b": surer, "a": surer}, targets=[1.0])).loc["a"]
    assert row["lost"] == 0
    assert row[["queries low", "queries high", "low", "high"]].tolist() == [1] * 4


def test_one_seed_has_an_interval_over_queries_alone():
    rng = np.random.default_rng(1)
    results = make({"b": [noisy(rng, 0.5)], "a": [noisy(rng, 0.6)]}, quality=0.45)
    row = ratios(results).iloc[-1]
    assert row["queries low"] <= row["ratio"] <= row["queries high"]
    assert all(math.isnan(row[name]) for name in ("seeds low", "low", "high"))


# Tuning.

TRIAL = (("train", "run", 6.0), ("evaluate", "run", 2.0), ("prepare", "shared", 5.0))
OTHER = (("train", "run", 4.0), ("prepare", "teacher", 7.0))


def _by_trials(results):
    table = speed_by_trials(results)
    return dict(zip(table["trials"], table["ratio"], strict=True))


def test_the_tuned_speed_up_trial_by_trial():
    """Cold, the baseline's 40 s to the arm's 20 and 5 of an artifact that its trials share."""
    arms = {
        "b": [crosses(4), crosses(4)],
        "a": [crosses(2, bills=(("prepare", "shared", 5.0),))] * 3,
    }
    results = make(arms, trials={"b": [TRIAL], "a": [TRIAL, OTHER]}, targets=[1.0])
    found = _by_trials(results)
    assert found == pytest.approx(
        {
            0: 40 / 25,
            1: (40 + 6 + 2 + 5) / (25 + 6 + 2),
            2: (40 + 6 + 2 + 5) / (25 + 6 + 2 + 4 + 7),  # the baseline has one trial
        }
    )
    assert found[0] == pytest.approx(ratios(results, "cold").loc["a", "ratio"])
    assert found[2] == pytest.approx(ratios(results, "tuned").loc["a", "ratio"])


def test_by_trials_runs_are_restricted_as_in_the_table():
    arms = {"b": [crosses(3), never(5)], "a": [crosses(1), crosses(2), never()]}
    results = make(arms, trials={"b": [TRIAL], "a": [OTHER]}, targets=[0.9], quality=0.5)
    table = speed_by_trials(results).set_index(["target", "trials"])["ratio"]
    said = speed_table(results).set_index(["target", "quantity"])["ratio"]
    assert len(table) == 4
    for target in ("90 % of the gain", "0.5"):
        assert table[target, 0] == pytest.approx(said[target, "cold"])
        assert table[target, 1] == pytest.approx(said[target, "tuned"])


def test_by_trials_a_seeds_own_artifacts_are_averaged():
    """One of two runs has what the trial prepared. `speed_table` adds 7 s of tuning to the other
    alone, here it is 3.5 s to each: the same sum, not quite the same geometric mean."""
    arm = [crosses(2, bills=(("prepare", "teacher", 7.0),)), crosses(2)]
    results = make({"b": [crosses(4)], "a": arm}, trials={"a": [OTHER]}, targets=[1.0])
    found = _by_trials(results)
    assert found[1] == pytest.approx(40 / math.sqrt((27 + 4 + 3.5) * (20 + 4 + 3.5)))
    tuned = ratios(results, "tuned").loc["a", "ratio"]
    assert tuned == pytest.approx(40 / math.sqrt((27 + 4) * (20 + 4 + 7)))


def test_without_trials_there_is_the_cold_speed_up_alone():
    results = make({"b": [crosses(4)], "a": [crosses(1)]}, targets=[1.0])
    assert _by_trials(results) == {0: pytest.approx(4)}
    assert math.isnan(speed_by_trials(make({"b": [never()], "a": [crosses(1)]}))["ratio"].iloc[0])


# What holds whatever the numbers.

SIDE = st.lists(
    st.tuples(st.integers(1, POINTS - 2), st.integers(1, 50), st.integers(0, 90)),
    min_size=1,
    max_size=4,
)
NUMBERS = ["ratio", "seeds low", "seeds high"]


def side(drawn, factor=1.0, lost=()):
    return [
        Run(
            [0.1] * POINTS if at in lost else [0.1] * point + [0.5] * (POINTS - point),
            [("prepare", "x", factor * cost), ("score", f"s{at}", factor * cost / 3)],
            seconds=factor * seconds,
        )
        for at, (point, seconds, cost) in enumerate(drawn)
    ]


def numbers(baseline, arm):
    table = speed_table(make({"b": baseline, "a": arm}, targets=[0.5], quality=0.4)).set_index(
        "quantity"
    )
    return table[table["gain"].isna()]


@settings(max_examples=15, deadline=None)
@given(SIDE, SIDE, st.sampled_from([1e-3, 0.25, 60.0]), st.sets(st.integers(0, 3)))
def test_the_unit_of_time_is_no_matter(baseline, arm, factor, lost):
    before = numbers(side(baseline), side(arm, lost=lost))
    after = numbers(side(baseline, factor), side(arm, factor, lost))
    np.testing.assert_allclose(after[NUMBERS], before[NUMBERS], rtol=1e-6)
    assert list(after["bound"]) == list(before["bound"])


@settings(max_examples=15, deadline=None)
@given(SIDE, SIDE)
def test_the_baseline_to_the_arm_is_the_reciprocal(baseline, arm):
    before, after = numbers(side(baseline), side(arm)), numbers(side(arm), side(baseline))
    turned = 1 / after[["ratio", "seeds high", "seeds low"]].to_numpy()
    np.testing.assert_allclose(before[NUMBERS], turned, rtol=1e-6)
    assert (before["bound"] == "").all()


@settings(max_examples=15, deadline=None)
@given(SIDE, SIDE, st.sets(st.integers(0, 3)), st.randoms(use_true_random=False))
def test_the_order_of_seeds_and_arms_is_no_matter(baseline, arm, lost, random):
    arms = {"b": side(baseline), "a": side(arm, lost=lost), "c": side(baseline[:1])}
    found = speed_table(make(arms, targets=[0.9], quality=0.3))
    shuffled = {"b": random.sample(arms["b"], len(baseline)), "c": arms["c"]}
    shuffled["a"] = random.sample(arms["a"], len(arm))
    again = speed_table(make(shuffled, targets=[0.9], quality=0.3))
    order = ["target", "arm", "quantity"]
    pd.testing.assert_frame_equal(
        again.sort_values(order, ignore_index=True), found.sort_values(order, ignore_index=True)
    )
