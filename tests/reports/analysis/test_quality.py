"""Every number of the comparison on test against scipy's, statsmodels' or a loop."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reports.analysis.quality import ALL, quality_table
from reports.analysis.resampling import RESAMPLES
from tests.reports.results_builder import PRIMARY, Run, make

CURVE = [0.1, 0.5]
ARMS = {"b": 0.5, "up": 0.6, "same": 0.5, "down": 0.35}
TEST, FAR = "test", "test-far"


def _values(seeds=3, queries=8, far=0):
    """Of each arm [seeds, queries of one test and then of the other]."""
    rng = np.random.default_rng(4)
    queries_own = 0.3 * rng.random(queries + far)
    return {
        arm: level + queries_own + 0.05 * rng.normal(size=(seeds, queries + far))
        for arm, level in ARMS.items()
    }


def _make(values, tests=((TEST, 8),), **comparison):
    ends = np.cumsum([size for _, size in tests])
    arms = {
        arm: [
            Run(
                CURVE,
                test={
                    name: list(row[end - size : end])
                    for (name, size), end in zip(tests, ends, strict=True)
                },
            )
            for row in rows
        ]
        for arm, rows in values.items()
    }
    return make(arms, tests=[name for name, _ in tests], **comparison)


def test_differences_and_intervals_over_seeds_are_welchs():
    values = _values()
    table = quality_table(_make(values)).set_index("arm")
    assert list(table.index) == ["up", "same", "down"]
    for arm, row in table.iterrows():
        ours, theirs = values[arm].mean(axis=1), values["b"].mean(axis=1)
        test = stats.ttest_ind(ours, theirs, equal_var=False)
        assert row["difference"] == pytest.approx(ours.mean() - theirs.mean())
        expected = tuple(test.confidence_interval())
        assert (row["seeds low"], row["seeds high"]) == pytest.approx(expected)
        assert (row["queries"], row["seeds"], row["baseline seeds"]) == (8, 3, 3)
        assert (row["baseline"], row["test"]) == ("b", TEST)


def test_intervals_over_queries_are_of_the_same_queries_for_both():
    values = _values()
    table = quality_table(_make(values)).set_index("arm")
    drawn = np.random.default_rng(0).integers(8, size=(RESAMPLES, 8))
    for arm, row in table.iterrows():
        by_query = (values[arm].mean(axis=0) - values["b"].mean(axis=0)).tolist()
        means = [sum(by_query[query] for query in queries) / 8 for queries in drawn.tolist()]
        expected = tuple(np.percentile(means, [2.5, 97.5]))
        assert (row["queries low"], row["queries high"]) == pytest.approx(expected)
        # Seeds and queries: variances add up, the queries' is known.
        ours, theirs = values[arm].mean(axis=1), values["b"].mean(axis=1)
        of_seeds = [ours.var(ddof=1) / 3, theirs.var(ddof=1) / 3]
        square = sum(of_seeds) + np.var(means, ddof=1)
        freedom = square**2 / sum(part**2 / 2 for part in of_seeds)
        both = stats.t.interval(0.95, freedom, row["difference"], math.sqrt(square))
        assert (row["low"], row["high"]) == pytest.approx(both)


def test_p_values_are_scipys_and_holms_are_statsmodels():
    values = _values()
    table = quality_table(_make(values)).set_index("arm")
    for arm, row in table.iterrows():
        sides = [values[one].mean(axis=0) for one in (arm, "b")]
        expected = stats.permutation_test(
            sides, lambda x, y: np.mean(x - y), permutation_type="samples"
        )
        assert row["p"] == pytest.approx(expected.pvalue)
    assert list(table["p Holm"]) == pytest.approx(list(multipletests(table["p"], method="holm")[1]))
    assert (table["p Holm"] > table["p"]).any()


def test_effects_and_wins_are_of_queries_seeds_averaged():
    values = _values()
    values["same"] = values["b"].copy()
    values["same"][:, :2] += [[0.1, -0.1]]
    values["same"][0, 2] += 0.3  # cancelled by another seed
    values["same"][1, 2] -= 0.3
    table = quality_table(_make(values)).set_index("arm")
    gaps = values["up"].mean(axis=0) - values["b"].mean(axis=0)
    assert table.loc["up", "effect size"] == pytest.approx(gaps.mean() / gaps.std(ddof=1))
    row = table.loc["up"]
    counts = tuple(row[["wins", "ties", "losses"]])
    assert counts == ((gaps > 0).sum(), 0, (gaps < 0).sum())
    assert tuple(table.loc["same", ["wins", "ties", "losses"]]) == (1, 6, 1)
    assert table.loc["same", "effect size"] == pytest.approx(0, abs=1e-9)
    assert table.loc["same", "p"] == 1


def test_several_tests_have_a_mean_in_which_each_counts_the_same():
    """However many queries it has: eight and four here."""
    values = _values(far=4)
    results = _make(values, tests=((TEST, 8), (FAR, 4)))
    table = quality_table(results)
    assert list(table["test"]) == [TEST] * 3 + [FAR] * 3 + [ALL] * 3
    assert list(table["queries"]) == [8] * 3 + [4] * 3 + [12] * 3
    rng = np.random.default_rng(0)
    drawn = [rng.integers(size, size=(RESAMPLES, size)) for size in (8, 4)]
    for row in table[table["test"] == ALL].to_dict("records"):
        near, far = (
            [values[row["arm"]][:, part], values["b"][:, part]]
            for part in (slice(0, 8), slice(8, 12))
        )
        ours, theirs = (
            (one.mean(axis=1) + other.mean(axis=1)) / 2
            for one, other in zip(near, far, strict=True)
        )
        assert row["difference"] == pytest.approx(ours.mean() - theirs.mean())
        test = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
        assert (row["seeds low"], row["seeds high"]) == pytest.approx(tuple(test))
        gaps = [part[0].mean(axis=0) - part[1].mean(axis=0) for part in (near, far)]
        means = np.mean(
            [gap[queries].mean(axis=1) for gap, queries in zip(gaps, drawn, strict=True)], axis=0
        )
        expected = tuple(np.percentile(means, [2.5, 97.5]))
        assert (row["queries low"], row["queries high"]) == pytest.approx(expected)
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["wins"] + row["ties"] + row["losses"] == 12
        assert all(math.isnan(row[name]) for name in ("p", "p Holm", "effect size"))


def test_only_the_first_test_is_adjusted_for_the_number_of_arms():
    values = _values(far=4)
    both = quality_table(_make(values, tests=((TEST, 8), (FAR, 4))))
    alone = quality_table(_make({arm: own[:, :8] for arm, own in values.items()}))
    first = both[both["test"] == TEST]
    pd.testing.assert_frame_equal(first, alone)
    others = both[both["test"] == FAR]
    assert others["p"].notna().all()
    assert others["p Holm"].isna().all()


@pytest.mark.parametrize(
    ("margin", "matches"),
    [(None, ""), (0.01, "open"), (0.2, "yes"), (0.6, "yes")],
)
def test_an_arm_matches_if_the_whole_interval_is_above_what_would_be_worse(margin, matches):
    given = {} if margin is None else {"margin": margin}
    row = quality_table(_make(_values(), **given)).set_index("arm").loc["same"]
    assert row["low"] < -0.01 < row["high"] < 0.2
    assert row["matches"] == matches
    assert row["margin"] == pytest.approx(margin if margin else math.nan, nan_ok=True)


def test_an_arm_that_is_worse_by_more_than_the_margin_does_not_match():
    table = quality_table(_make(_values(), margin=0.01)).set_index("arm")
    assert table.loc["down", "high"] < -0.01
    assert table["matches"].to_dict() == {"up": "yes", "same": "open", "down": "no"}
    assert quality_table(_make(_values(), margin=0.9))["matches"].eq("yes").all()


def test_two_seeds_are_compared_by_queries_alone():
    table = quality_table(_make(_values(seeds=2), margin=0.5))
    assert table[["low", "high", "seeds low", "seeds high"]].isna().all(axis=None)
    assert table[["difference", "queries low", "p", "p Holm"]].notna().all(axis=None)
    assert (table["matches"] == "").all()  # nothing is said of seeds


def test_an_arm_may_have_other_seeds_than_the_baseline():
    values = _values()
    values["up"] = values["up"][:2]
    row = quality_table(_make(values)).set_index("arm").loc["up"]
    assert (row["seeds"], row["baseline seeds"]) == (2, 3)
    gap = values["up"].mean() - values["b"].mean()
    assert row["difference"] == pytest.approx(gap)
    assert row["queries low"] < gap < row["queries high"]


def test_an_arm_that_lacks_a_test_has_no_mean_of_all():
    """A mean of the tests that it has would be compared with another mean."""
    values = _values(far=4)
    results = _make(values, tests=((TEST, 8), (FAR, 4)))
    queries = results.queries
    lost = queries[(queries["arm"] != "up") | (queries["part"] != FAR)]
    table = quality_table(replace(results, queries=lost)).set_index(["arm", "test"])
    whole = quality_table(results).set_index(["arm", "test"])
    for test in (FAR, ALL):
        numbers = ["difference", "low", "seeds low", "queries low", "p"]
        assert table.loc[("up", test), numbers].isna().all()
        assert table.loc[("up", test), "matches"] == ""
    kept = [place for place in whole.index if place[0] != "up" and place[1] != TEST]
    pd.testing.assert_frame_equal(table.loc[kept], whole.loc[kept])


def test_a_failed_arm_is_left_out_and_a_failed_baseline_leaves_nothing():
    failed = [Run(CURVE, status="failed")]
    done = [Run(CURVE)] * 3
    assert list(quality_table(make({"b": done, "a": failed, "c": done}))["arm"]) == ["c"]
    for arms in ({"b": failed, "a": done}, {"b": done}, {"b": failed}):
        table = quality_table(make(arms))
        assert table.empty
        assert "p Holm" in table


def test_records_without_queries_or_the_measure_are_no_comparison():
    results = _make(_values())
    for queries in (
        pd.DataFrame(),
        results.queries.iloc[:0],
        results.queries.drop(columns=PRIMARY),
        pd.DataFrame(columns=["run", "arm", "role", "trial", "seed"]),
    ):
        assert quality_table(replace(results, queries=queries)).empty


def test_trials_and_references_and_other_parts_are_not_compared():
    results = _make(_values())
    other = [
        results.queries.assign(role="reference", arm="bm25"),
        results.queries.assign(role="tuning", **{PRIMARY: 9.0}),
        results.queries.assign(part="train", **{PRIMARY: 9.0}),
    ]
    more = replace(results, queries=pd.concat([results.queries, *other]))
    pd.testing.assert_frame_equal(quality_table(more), quality_table(results))


def test_neither_rows_nor_arms_need_an_order():
    values = _values()
    found = quality_table(_make(values))
    results = _make(values)
    mixed = replace(results, queries=results.queries.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(quality_table(mixed), found)
    turned = {"b": values["b"][::-1], **{arm: values[arm][::-1] for arm in list(ARMS)[:0:-1]}}
    again = quality_table(_make(turned))
    assert list(again["arm"]) == ["down", "same", "up"]
    pd.testing.assert_frame_equal(again.iloc[::-1].reset_index(drop=True), found)
