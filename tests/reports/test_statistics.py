"""Every number against an independent computation."""

import math

import numpy as np
import pytest
from scipy import stats

from reports.arm_table import arm_table
from reports.statistics import difference, interval


def test_interval_is_students_t():
    values = [0.61, 0.58, 0.64, 0.60]
    low, high = stats.t.interval(0.9, 3, np.mean(values), stats.sem(values))
    assert interval(values, level=0.9) == pytest.approx((np.mean(values), low, high))


@pytest.mark.parametrize("values", [[0.4], [0.4, 0.6], [0.4, math.nan, 0.6]])
def test_fewer_than_three_values_have_no_interval(values):
    mean, low, high = interval(values)
    assert mean == pytest.approx(np.nanmean(values))
    assert math.isnan(low)
    assert math.isnan(high)


def test_no_values_have_no_mean():
    assert all(map(math.isnan, interval([])))
    assert all(map(math.isnan, difference([], [0.1, 0.2, 0.3])))


def test_equal_values_have_an_interval_of_no_width():
    assert interval([0.1] * 3) == pytest.approx((0.1, 0.1, 0.1))
    assert difference([0.3] * 3, [0.1] * 3) == pytest.approx((0.2, 0.2, 0.2))


def test_difference_is_welchs():
    ours, theirs = np.array([0.61, 0.58, 0.64, 0.60]), np.array([0.50, 0.57, 0.44])
    parts = [ours.var(ddof=1) / 4, theirs.var(ddof=1) / 3]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(sum(parts))
    mean = ours.mean() - theirs.mean()
    assert difference(ours, theirs) == pytest.approx((mean, mean - half, mean + half))


def test_arm_table_agrees_with_the_queries(results):
    table = arm_table(results).set_index("arm")
    runs = results.queries.groupby(["arm", "seed"])[["nDCG@10", "R@100"]].mean()
    for arm in ("margin-mse", "adaptive-margin"):
        for measure in ("nDCG@10", "R@100"):
            values = runs.loc[arm][measure]
            low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
            shown = table.loc[arm, [measure, f"{measure} low", f"{measure} high"]]
            assert list(shown) == pytest.approx([values.mean(), low, high])
    gap = runs.loc["adaptive-margin", "nDCG@10"].mean() - runs.loc["margin-mse", "nDCG@10"].mean()
    assert table.loc["adaptive-margin", "nDCG@10 difference"] == pytest.approx(gap)
    assert math.isnan(table.loc["margin-mse", "nDCG@10 difference"])


def test_failed_seeds_leave_a_range_and_no_interval(results):
    row = arm_table(results).set_index("arm").loc["static-margin"]
    assert (row["seeds"], row["done"], row["failed"]) == (3, 2, 1)
    assert math.isnan(row["nDCG@10 low"])
    assert row["nDCG@10 least"] < row["nDCG@10"] < row["nDCG@10 most"]
    assert not math.isnan(row["nDCG@10 difference"])
    assert math.isnan(row["nDCG@10 difference low"])


def test_arms_come_first_and_references_after_them(results):
    table = arm_table(results)
    assert list(table["role"]) == ["final"] * 3 + ["reference"] * 3
    assert list(table.loc[table["baseline"], "arm"]) == ["margin-mse"]
    assert list(table["options"])[1:] == [
        "learning_rate=3e-05",
        "learning_rate=3e-05, margin=0.3",
        *[""] * 3,
    ]


def test_dev_is_that_of_the_point_chosen_on_dev_select(results):
    curves = results.curves
    first = curves.index[(curves["role"] == "final") & (curves["point"] == 2)]
    curves.loc[first, "dev-select nDCG@10"] = 2.0  # ties go to the earliest
    curves.loc[first + 1, "dev-select nDCG@10"] = 2.0
    row = arm_table(results).set_index("arm").loc["margin-mse"]
    expected = curves.loc[first].query("arm == 'margin-mse'")["nDCG@10"].mean()
    assert row["dev nDCG@10"] == pytest.approx(expected)


def test_what_is_not_priced_is_shown_where_the_summary_has_it(results):
    results.summary["unpriced"] = np.where(
        results.summary["arm"] == "margin-mse", "the training of X", None
    )
    table = arm_table(results).set_index("arm")
    assert table.loc["margin-mse", "unpriced"] == "the training of X"
    assert table.loc["static-margin", "unpriced"] == ""


def test_a_study_of_the_baseline_alone(study):
    results = study(arms=[{"name": "margin-mse"}], seeds=[1], trials=0)
    assert math.isnan(arm_table(results).loc[0, "nDCG@10 difference"])
