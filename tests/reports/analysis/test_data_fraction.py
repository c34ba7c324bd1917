"""Shares of the data by hand: which share gets there, with how many labels, of how many."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.analysis.data_fraction import by_share, fractions_table, shares_table
from reports.analysis.targets import RESAMPLES
from tests.reports.results_builder import PRIMARY, Run, make

SHARES = (0.25, 0.5, 1.0)
WHOLE = (80, 100, 120)
"""The labels of the baseline's seeds with everything: 100 in the mean."""


def trained(end, labels=None, start=0.1, **options):
    """A run from the start to the end, which is its tested point."""
    return Run([start, end], labels=labels, **options)


def _study(arms, baseline=None, shares=SHARES, **comparison):
    """Arms as [seed][share] of runs; the baseline's reach 0.5 with everything."""
    rows = [[trained(end, labels) for end in (0.2, 0.3, 0.5)] for labels in WHOLE]
    every = {"b": baseline or rows, **arms}
    given = [
        {arm: [seed[at] for seed in seeds] for arm, seeds in every.items()}
        for at in range(len(shares))
    ]
    subsets = dict(zip(shares[:-1], given[:-1], strict=True))
    comparison = comparison or {"targets": [1.0]}
    return make(given[-1], subsets=subsets, **comparison)


def _seed(ends, labels):
    return [trained(*run) for run in zip(ends, labels, strict=True)]


def _row(*seeds, **options):
    table = fractions_table(_study({"a": list(seeds)}, **options)).set_index("arm")
    return table.loc["a"]


FIRST = _seed((0.5, 0.5, 0.6), (20, 40, 80))
SECOND = _seed((0.4, 0.5, 0.5), (25, 50, 100))
THIRD = _seed((0.3, 0.6, 0.6), (30, 60, 120))
LUCKY = _seed((0.6, 0.3, 0.6), (30, 60, 120))


def test_the_fraction_is_of_labels_at_the_first_of_two_shares_to_those_of_the_baseline():
    row = _row(FIRST, SECOND, THIRD)
    assert (row["target"], row["gain"]) == ("100 % of the gain", 1.0)
    assert (row["seeds"], row["reached"], row["share"], row["bound"]) == (3, 3, 0.5, "")
    assert row["fraction"] == pytest.approx((0.2 * 0.5 * 0.6) ** (1 / 3))
    logs = np.log([0.2, 0.5, 0.6])
    expected = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    assert (row["seeds low"], row["seeds high"]) == pytest.approx(tuple(np.exp(expected)))
    assert row[["low", "high", "queries low", "queries high"]].isna().all()


def test_a_lucky_share_does_not_count_nor_everything_alone():
    row = _row(FIRST, SECOND, LUCKY)
    assert (row["reached"], row["share"], row["bound"]) == (2, 0.375, "≥")
    assert row["fraction"] == pytest.approx((0.2 * 0.5 * 1.2) ** (1 / 3))


def test_labels_are_restricted_to_what_the_first_censored_seed_used_in_all():
    row = _row(FIRST, SECOND, _seed((0.1, 0.1, 0.1), (10, 20, 40)))
    assert row["bound"] == "≥"
    assert row["fraction"] == pytest.approx((0.2 * 0.4 * 0.4) ** (1 / 3))
    row = _row(SECOND, _seed((0.1, 0.1, 0.1), (10, 20, 70)), LUCKY)
    assert row["fraction"] == pytest.approx((0.5 * 0.7 * 0.7) ** (1 / 3))


def test_where_no_seed_gets_there_there_is_no_fraction():
    row = _row(LUCKY, LUCKY, LUCKY)
    assert (row["seeds"], row["reached"], row["bound"]) == (3, 0, "")
    assert row[["share", "fraction", "seeds low"]].isna().all()


@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_seeds_there_is_no_interval(seeds):
    row = _row(*[SECOND] * seeds)
    assert row["fraction"] == pytest.approx(0.5)
    assert row[["seeds low", "seeds high", "low", "high"]].isna().all()


def test_a_row_a_target_and_arm_the_baseline_too():
    table = fractions_table(_study({"a": [FIRST] * 3}, targets=[0.9, 0.5], quality=0.55))
    assert (
        list(table["target"]) == ["90 % of the gain"] * 2 + ["50 % of the gain"] * 2 + ["0.55"] * 2
    )
    assert list(table["arm"]) == ["b", "a"] * 3
    # 0.46 and 0.3 of the baseline, which is at 0.2, 0.3, 0.5; the arm at 0.5, 0.5, 0.6.
    assert list(table["reached"]) == [0, 3, 3, 3, 0, 0]
    assert list(table["fraction"])[1:4] == pytest.approx([0.2, 0.9865, 0.2], abs=1e-4)
    assert list(table["gain"])[:4] == [0.9, 0.9, 0.5, 0.5]


def test_the_baselines_every_seed_with_all_data_is_the_target():
    """Also that whose run on a smaller share failed: 0.5, 0.5 and 0.8 are 0.6."""
    rows = [[trained(end, 100) for end in (0.2, 0.3, 0.5)]] * 2
    rows.append([trained(0.2, 10, status="failed"), trained(0.3, 10), trained(0.8, 400)])
    row = _row(FIRST, THIRD, baseline=rows)
    assert row["reached"] == 1  # 0.5 is not enough
    assert row["fraction"] == pytest.approx(math.sqrt(60 * 80) / 200)
    own = fractions_table(_study({}, baseline=rows)).set_index("arm")
    assert own.loc["b", "seeds"] == 2


def test_an_arms_seeds_are_those_done_on_every_share():
    broken = [FIRST[0], replace(FIRST[1], status="failed"), FIRST[2]]
    row = _row(broken, SECOND)
    assert (row["seeds"], row["fraction"]) == (1, pytest.approx(0.5))
    table = fractions_table(_study({"a": [broken]}))
    assert list(table["arm"]) == ["b"]


def test_without_shares_or_a_baseline_there_is_nothing_to_say():
    failed = [[trained(0.2, 1, status="failed")] * 3]
    for results in (
        make({"b": [trained(0.5, 10)], "a": [trained(0.5, 10)]}),
        _study({"a": [FIRST]}, baseline=failed),
    ):
        assert fractions_table(results).empty
        assert "fraction" in fractions_table(results)
    assert shares_table(make({"b": [trained(0.5, 10)]})).empty
    assert list(by_share(_study({}))) == list(SHARES)


def test_a_share_that_nothing_has_run_on_yet_is_empty():
    results = _study({"a": [FIRST, SECOND, THIRD]})
    none = {
        name: getattr(results.subsets[0.5], name).iloc[:0]
        for name in ("summary", "curves", "ledger", "queries", "dev")
    }
    subsets = {**results.subsets, 0.5: replace(results.subsets[0.5], **none)}
    assert fractions_table(replace(results, subsets=subsets)).empty
    table = shares_table(replace(results, subsets=subsets)).set_index(["arm", "train_share"])
    assert list(table["seeds"]) == [3, 0, 3] * 2
    assert table.loc[("a", 0.5), ["labels", "dev", "test"]].isna().all()


@pytest.mark.filterwarnings("error")
def test_no_labels_at_all_are_a_fraction_of_nothing():
    """Generated queries have no labels: an arm that needs none has a fraction of 0, without
    bounds; of a baseline without any there is none."""
    generated = _seed((0.5, 0.5, 0.6), (0, 0, 0))
    row = _row(generated, generated, generated)
    assert (row["fraction"], row["share"], row["reached"]) == (0, 0.25, 3)
    assert row[["seeds low", "seeds high"]].isna().all()
    assert _row(generated, SECOND)["fraction"] == 0
    free = [[trained(end, 0) for end in (0.2, 0.3, 0.5)]] * 3
    for seeds in ([FIRST] * 3, [generated] * 3):
        row = _row(*seeds, baseline=free)
        assert math.isnan(row["fraction"])
        assert (row["share"], row["reached"]) == (0.25, 3)


def test_records_without_labels_say_at_which_share():
    results = _study({"a": [FIRST, SECOND, THIRD]})

    def older(one):
        missing = ["labels", "train_queries", "stopped"]
        none = pd.DataFrame(columns=["run", "arm", "role", "trial", "seed"])
        return replace(one, summary=one.summary.drop(columns=missing), dev=none)

    subsets = {share: older(there) for share, there in results.subsets.items()}
    before = replace(older(results), subsets=subsets)
    row = fractions_table(before).set_index("arm").loc["a"]
    assert (row["share"], row["reached"]) == (0.5, 3)
    assert math.isnan(row["fraction"])
    assert shares_table(before)[["labels", "train_queries"]].isna().all(axis=None)
    assert shares_table(before)["dev"].notna().all()


def test_a_baseline_that_gains_nothing_is_no_target():
    flat = [[trained(0.1, 10)] * 3] * 3
    table = fractions_table(_study({"a": [FIRST] * 3}, baseline=flat, targets=[0.9], quality=0.5))
    assert list(table["reached"]) == [0, 0, 0, 3]
    assert list(table["fraction"].isna()) == [True, True, True, False]


def test_a_share_is_measured_at_the_point_that_was_tested():
    """The best on dev-select: here the middle one of three, or the untrained student."""
    peak = Run([0.1, 0.5, 0.9], labels=10, select=[0.1, 0.9, 0.2], test={"test": [0.3, 0.4]})
    start = Run([0.15, 0.5, 0.9], labels=30, select=[0.9, 0.2, 0.1])
    results = _study({"a": [[peak, peak, peak], [start, peak, peak], [start, peak, peak]]})
    table = shares_table(results).set_index(["arm", "train_share"])
    assert list(table.index) == [(arm, share) for arm in "ba" for share in SHARES]
    row = table.loc[("a", 0.25)]
    values = [0.5, 0.15, 0.15]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert list(row[["dev", "dev low", "dev high"]]) == pytest.approx([np.mean(values), low, high])
    tests = [0.35, 0.6, 0.6]
    low, high = stats.t.interval(0.95, 2, np.mean(tests), stats.sem(tests))
    assert list(row[["test", "test low", "test high"]]) == pytest.approx(
        [np.mean(tests), low, high]
    )
    assert (row["seeds"], row["best at the start"]) == (3, 2)
    assert (row["labels"], row["train_queries"]) == pytest.approx((70 / 3, 35 / 3))
    assert table.loc[("a", 1.0), "best at the start"] == 0
    found = fractions_table(results).set_index("arm").loc["a"]
    assert found["fraction"] == pytest.approx(0.1)  # 10 labels: at 0.25 or, for two seeds, at 0.5
    assert found["share"] == 0.5


def _noisy(rng, end, labels):
    return Run(
        [list(0.1 * rng.random(6)), list(end + 0.25 * rng.random(6))],
        labels=labels,
        select=[0.0, 1.0],
    )


def _slow(results, gain):
    """The mean log fraction of each resample, by loops; None where no seed gets there."""
    whole = {
        share: there.dev.sort_values(["arm", "seed", "point", "query"])
        for share, there in by_share(results).items()
    }
    curves = {
        (arm, seed, share, point): list(rows[PRIMARY])
        for share, dev in whole.items()
        for (arm, seed, point), rows in dev.groupby(["arm", "seed", "point"])
    }
    labels = {
        (row.arm, row.seed, share): row.labels
        for share, there in by_share(results).items()
        for row in there.summary.itertuples()
    }
    found = []
    for drawn in np.random.default_rng(0).integers(6, size=(RESAMPLES, 6)).tolist():
        means = {key: sum(one[query] for query in drawn) / 6 for key, one in curves.items()}
        start = sum(means["b", seed, 1.0, 0] for seed in (1, 2, 3)) / 3
        end = sum(means["b", seed, 1.0, 1] for seed in (1, 2, 3)) / 3
        target = start + gain * (end - start)
        used = []
        for seed in (1, 2, 3):
            pairs = pairwise(SHARES)
            there = [
                share
                for share, after in pairs
                if min(means["a", seed, share, 1], means["a", seed, after, 1]) >= target
            ]
            used.append(labels["a", seed, there[0]] if there else math.inf)
        ends = [
            labels["a", seed, 1.0]
            for seed, one in zip((1, 2, 3), used, strict=True)
            if one == math.inf
        ]
        if len(ends) == 3:
            found.append(None)
        else:
            logs = [math.log(min([one, *ends]) / 100) for one in used]
            found.append(sum(logs) / 3)
    return found


@pytest.mark.parametrize(("gain", "answered"), [(0.8, True), (0.97, False)])
def test_intervals_over_queries_are_those_of_a_slow_loop(gain, answered):
    rng = np.random.default_rng(8)
    arm = [
        [_noisy(rng, end, count) for end, count in zip((0.27, 0.4, 0.42), counts, strict=True)]
        for counts in ((20, 40, 80), (25, 50, 100), (30, 60, 120))
    ]
    baseline = [[_noisy(rng, end, count) for end in (0.2, 0.3, 0.4)] for count in WHOLE]
    results = _study({"a": arm}, baseline=baseline, targets=[gain])
    row = fractions_table(results).set_index("arm").loc["a"]
    found = _slow(results, gain)
    known = np.array([one for one in found if one is not None])
    assert 0 < len(known) < RESAMPLES or answered
    assert (len(known) >= 0.95 * RESAMPLES) == answered
    assert len(set(np.round(known, 9))) > 3
    if not answered:
        assert row[["queries low", "queries high", "low", "high"]].isna().all()
        return
    expected = tuple(np.exp(np.percentile(known, [2.5, 97.5])))
    assert (row["queries low"], row["queries high"]) == pytest.approx(expected)
    half = [np.log(row[name]) for name in ("fraction", "seeds high")]
    error = (half[1] - half[0]) / stats.t.ppf(0.975, 2)
    square = error**2 + known.var(ddof=1)
    bounds = stats.t.interval(0.95, square**2 / (error**4 / 2), half[0], math.sqrt(square))
    # Never narrower than either source of variation alone.
    lows = [np.exp(bounds[0]), row["seeds low"], row["queries low"]]
    highs = [np.exp(bounds[1]), row["seeds high"], row["queries high"]]
    assert (row["low"], row["high"]) == pytest.approx((min(lows), max(highs)))


def test_where_one_share_has_no_queries_nothing_is_said_over_queries():
    rng = np.random.default_rng(8)
    arm = [[_noisy(rng, 0.45, count) for count in (20, 40, 80)] for _ in range(3)]
    results = _study({"a": arm}, baseline=[[_noisy(rng, 0.4, 100)] * 3] * 3, targets=[0.8])
    assert fractions_table(results)["queries low"].notna().all()
    small = results.subsets[0.25]
    lost = [
        replace(results, subsets={**results.subsets, 0.25: replace(small, dev=pd.DataFrame())}),
        replace(results, subsets={**results.subsets, 0.25: replace(small, dev=small.dev[:-1])}),
        replace(results, dev=results.dev[results.dev["point"] == 1]),
    ]
    for one in lost:
        row = fractions_table(one).set_index("arm").loc["a"]
        assert row[["queries low", "low"]].isna().all()
        assert not math.isnan(row["fraction"])
        assert not math.isnan(row["seeds low"])


def test_neither_rows_nor_seeds_need_an_order():
    rng = np.random.default_rng(8)
    arm = [[_noisy(rng, end, 10) for end in (0.3, 0.4, 0.5)] for _ in range(3)]
    results = _study({"a": arm}, baseline=[[_noisy(rng, 0.4, 100)] * 3] * 3, targets=[0.8])

    def mixed(one):
        frames = {
            name: getattr(one, name).sample(frac=1, random_state=2, ignore_index=True)
            for name in ("curves", "ledger", "dev", "queries")
        }
        return replace(one, summary=one.summary[::-1].reset_index(drop=True), **frames)

    subsets = {share: mixed(there) for share, there in results.subsets.items()}
    turned = replace(mixed(results), subsets=subsets)
    for table in (fractions_table, shares_table):
        order = [name for name in ("target", "arm", "train_share") if name in table(results)]
        found, again = (
            table(one).sort_values(order, ignore_index=True) for one in (results, turned)
        )
        pd.testing.assert_frame_equal(found, again)
