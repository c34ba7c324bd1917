"""Every number against an independent computation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reports.analysis.arm_table import arm_table
from reports.analysis.resampling import (
    RESAMPLES,
    paired_randomisation,
    rank_correlation,
    resampled_means,
)
from reports.analysis.statistics import (
    Interval,
    difference,
    effect_size,
    exponentiated,
    holm,
    hull,
    interval,
    ratio,
    restricted,
    seeds_and_queries,
    wins,
)

POSITIVE = st.lists(st.floats(0.01, 100), min_size=3, max_size=8)


def _differences(fewest, most):
    """(queries, systems) of numbers whose sums are exact."""
    shapes = st.tuples(st.integers(fewest, most), st.integers(1, 4))
    eighths = st.integers(-8, 8).map(lambda number: number / 8)
    return shapes.flatmap(lambda shape: arrays(float, shape, elements=eighths))


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


def test_ratio_is_of_geometric_means_by_welchs_t_of_logs():
    ours, theirs = [0.5, 0.9, 0.7], [1.4, 1.1, 2.0, 1.7]
    found = ratio(ours, theirs, level=0.9)
    assert found.mean == pytest.approx(stats.gmean(ours) / stats.gmean(theirs))
    test = stats.ttest_ind(np.log(ours), np.log(theirs), equal_var=False)
    assert found[1:] == pytest.approx(np.exp(test.confidence_interval(0.9)))


@given(POSITIVE, POSITIVE, st.floats(0.01, 100))
def test_ratio_scales_with_its_values_and_turns_over_with_its_sides(ours, theirs, factor):
    mean, low, high = ratio(ours, theirs)
    assert low <= mean <= high
    scaled = ratio(np.multiply(ours, factor), theirs)
    assert np.log(scaled) == pytest.approx(np.log([mean, low, high]) + np.log(factor), abs=1e-6)
    turned = ratio(theirs, ours)
    assert np.log(turned) == pytest.approx(-np.log([mean, high, low]), abs=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs", "mean"),
    [
        ([1.0, 4.0], [1.0, 1.0, 1.0], 2),  # too few
        ([1.0, 4.0, math.nan], [1.0, 1.0, 1.0], 2),
        ([1.0, 1.0, 1.0], [2.0], 0.5),
        ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], 0),
        ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], math.nan),
        ([-1.0, 1.0, 2.0], [1.0, 2.0, 3.0], math.nan),
        ([], [1.0, 2.0, 3.0], math.nan),
    ],
)
def test_a_ratio_without_bounds(ours, theirs, mean):
    assert ratio(ours, theirs) == pytest.approx((mean, math.nan, math.nan), nan_ok=True)


def test_a_ratio_of_values_without_spread_has_no_width():
    assert ratio([0.1] * 3, [0.3] * 3) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


@pytest.mark.parametrize("sides", [([1, 2, math.inf], [1, 2, 3]), ([1, 2, 3], [1, 2, math.inf])])
def test_a_censored_value_has_no_ratio_until_it_is_restricted(sides):
    with pytest.raises(ValueError, match="restrict"):
        ratio(*sides)
    assert not math.isnan(ratio(*(restricted(side, 10) for side in sides)).low)


@given(st.lists(st.floats(0.1, 9), min_size=3, max_size=9), st.integers(0, 4))
def test_a_restricted_mean_is_the_area_under_kaplan_and_meiers_curve(times, unseen):
    horizon = 10.0
    found = interval(restricted([*times, *[math.inf] * unseen], horizon))
    sample = stats.CensoredData(times, right=[horizon] * unseen)
    curve = stats.ecdf(sample).sf
    steps = np.unique([0, *times, horizon])
    assert found.mean == pytest.approx(np.diff(steps) @ curve.evaluate(steps[:-1]))


def test_a_value_beyond_the_horizon_counts_as_the_horizon():
    assert restricted([1, 3, math.inf, math.nan], 2).tolist()[:3] == [1, 2, 2]


OURS, THEIRS = [0.61, 0.58, 0.64, 0.60], [0.50, 0.57, 0.44]


def test_without_variation_of_queries_seeds_alone_are_left():
    none = np.zeros(10)
    assert seeds_and_queries(OURS, THEIRS, none) == pytest.approx(difference(OURS, THEIRS))
    assert seeds_and_queries(OURS, None, none, 0.9) == pytest.approx(interval(OURS, 0.9))


def test_without_variation_of_seeds_queries_alone_are_left():
    resampled = np.random.default_rng(0).normal(0.2, 0.03, 100)
    expected = stats.norm.interval(0.95, 0.2, resampled.std(ddof=1))
    for ours, theirs in (([0.5] * 3, [0.3] * 3), ([0.2] * 4, None)):
        assert seeds_and_queries(ours, theirs, resampled)[1:] == pytest.approx(expected)
    assert seeds_and_queries([0.2] * 3, None, np.zeros(9)) == pytest.approx((0.2, 0.2, 0.2))


def test_variances_of_seeds_and_queries_add_up():
    resampled = np.array([0.1, 0.13, 0.08, 0.12])
    welch = stats.ttest_ind(OURS, THEIRS, equal_var=False)
    mean = np.mean(OURS) - np.mean(THEIRS)
    of_seeds = (mean / welch.statistic) ** 2
    square = of_seeds + resampled.var(ddof=1)
    freedom = square**2 / (of_seeds**2 / welch.df)
    expected = stats.t.interval(0.95, freedom, mean, math.sqrt(square))
    assert seeds_and_queries(OURS, THEIRS, resampled) == pytest.approx((mean, *expected))


def test_two_seeds_have_no_interval_over_seeds_and_queries():
    for sides in (([0.5, 0.6], THEIRS), (OURS, [0.5, 0.6]), ([0.5, 0.6, math.nan], None)):
        mean, low, high = seeds_and_queries(*sides, np.arange(9))
        assert not math.isnan(mean)
        assert math.isnan(low)
        assert math.isnan(high)
    assert all(map(math.isnan, seeds_and_queries([], None, np.arange(9))))


def test_the_ratio_is_the_exponential_of_the_difference_of_logs():
    logs = difference(np.log(OURS), np.log(THEIRS))
    assert exponentiated(logs) == pytest.approx(ratio(OURS, THEIRS))


def test_resampled_means_are_means_of_queries_drawn_with_replacement():
    values = np.random.default_rng(1).random((65, 3))
    drawn = np.random.default_rng(0).integers(65, size=(RESAMPLES, 65))
    assert resampled_means(values) == pytest.approx(values[drawn].mean(axis=1))
    assert np.array_equal(resampled_means(values, ["one"] * 65), resampled_means(values))
    assert resampled_means(values, resamples=50) == pytest.approx(resampled_means(values)[:50])


def test_strata_count_the_same_however_many_queries_they_have():
    rng = np.random.default_rng(2)
    values, strata = rng.normal(size=(70, 2)), np.array(["a"] * 50 + ["b"] * 10 + ["c"] * 10)
    values[60:] = values[50:60]  # as many, of equal values, and yet drawn by themselves
    means = resampled_means(values, strata)
    assert means.shape == (RESAMPLES, 2)
    parts = [values[strata == label] for label in "abc"]
    macro = np.mean([part.mean(axis=0) for part in parts], axis=0)
    error = np.sqrt(sum(part.var(axis=0) / len(part) for part in parts)) / 3
    assert means.mean(axis=0) == pytest.approx(macro, abs=5 * error.max() / math.sqrt(RESAMPLES))
    assert means.std(axis=0) == pytest.approx(error, rel=5 / math.sqrt(2 * RESAMPLES))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(1, 40))
def test_means_of_equal_values_are_that_value(strata, resamples):
    values = np.tile([0.25, 0.7], (len(strata), 1))
    for labels in (None, strata):
        means = resampled_means(values, labels, resamples)
        assert means == pytest.approx(np.tile([0.25, 0.7], (resamples, 1)))


def test_labels_for_some_queries_are_an_error():
    with pytest.raises(IndexError):
        resampled_means(np.zeros((4, 1)), ["a", "b", "a"])


def _scipys_randomisation(differences, **options):
    return stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", vectorized=True, **options
    ).pvalue


@settings(max_examples=25)
@given(_differences(2, 12))
def test_few_queries_are_tested_exactly(differences):
    assert paired_randomisation(differences) == pytest.approx(_scipys_randomisation(differences))


def test_many_queries_are_tested_within_monte_carlo_error():
    rng = np.random.default_rng(3)
    differences = rng.normal(size=(65, 12)) + np.linspace(0, 0.4, 12)
    found = paired_randomisation(differences)
    expected = _scipys_randomisation(differences, n_resamples=20_000, rng=rng)
    error = np.sqrt(expected * (1 - expected) * (1 / 10_000 + 2 / 20_000))
    assert np.all(np.abs(found - expected) <= 4.5 * error + 1e-4)
    assert found[0] > 0.05 > found[-1]


@given(_differences(1, 20))
def test_neither_sign_nor_unit_nor_order_of_systems_matters(differences):
    p = paired_randomisation(differences, resamples=100)
    assert np.all((p > 0) & (p <= 1))
    assert np.array_equal(p, paired_randomisation(-differences, resamples=100))
    assert np.array_equal(p, paired_randomisation(4 * differences, resamples=100))
    assert np.array_equal(p[::-1], paired_randomisation(differences[:, ::-1], resamples=100))


def test_ties_are_counted_although_sums_round():
    tenths = np.random.default_rng(4).integers(-9, 10, size=(12, 50))
    exact = paired_randomisation(tenths.astype(float))
    assert np.array_equal(paired_randomisation(tenths / 10), exact)
    assert np.array_equal(paired_randomisation(tenths / 7), exact)


def test_no_difference_and_no_known_one():
    p = paired_randomisation(np.column_stack([np.zeros(20), [math.nan, *np.ones(19)]]))
    assert p[0] == 1
    assert math.isnan(p[1])
    assert paired_randomisation(np.ones((20, 1))) == pytest.approx([1 / 10_001])
    assert paired_randomisation(np.ones((5, 1))) == pytest.approx([2 / 32])


@pytest.mark.parametrize("number", [1, 2, 5, 40])
def test_holm_is_statsmodels(number):
    p = np.random.default_rng(number).beta(0.3, 2, number).round(3)  # with ties
    expected = multipletests(p, method="holm")[1]
    assert holm(p) == pytest.approx(expected)
    with_gaps = holm(np.insert(p, [0, number], math.nan))
    assert with_gaps == pytest.approx([math.nan, *expected, math.nan], nan_ok=True)


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=12))
def test_holm_only_raises_and_keeps_the_order(p_values):
    p = np.array(p_values, dtype=float)
    adjusted, known = holm(p), ~np.isnan(p)
    assert np.array_equal(np.isnan(adjusted), ~known)
    assert np.all((adjusted[known] >= p[known]) & (adjusted[known] <= 1))
    assert np.all(np.diff(adjusted[known][np.argsort(p[known])]) >= 0)


def test_effect_size_by_hand():
    rows = [[1.0, 0, 0.1, math.nan], [2, 0, 0.1, 1], [3, 0, 0.1, 2]]
    assert effect_size(np.array(rows)) == pytest.approx([2, 0, math.nan, math.nan], nan_ok=True)
    assert effect_size(np.array([1.0, 2, 3])) == pytest.approx(2)
    assert math.isnan(effect_size(np.array([1.0])))


def test_effect_size_is_t_over_the_root_of_queries():
    differences = np.random.default_rng(5).normal(0.3, 1, (40, 3))
    expected = stats.ttest_1samp(differences, 0).statistic / math.sqrt(40)
    assert effect_size(differences) == pytest.approx(expected)


def test_wins():
    found = wins(np.array([[0.2, 0], [0.1, 0], [1e-12, 0], [-0.1, math.nan]]))
    assert [counts.tolist() for counts in found] == [[2, 0], [1, 3], [1, 0]]
    assert tuple(wins(np.array([0.5, -0.5, 0.2]), tie=0.3)) == (1, 1, 1)


def test_rank_correlation_is_spearmans_with_an_exact_p_value():
    x, y = [1.764, 0.4, 0.979, 2.241, 1.868, -0.977], [2.714, 0.115, 0.876, 2.651, 2.012, 0.477]
    rho, p = rank_correlation([*x, math.nan], [*y, 1.0])
    assert rho == pytest.approx(stats.spearmanr(x, y).statistic)
    expected = stats.permutation_test(
        (x,), lambda x: stats.spearmanr(x, y).statistic, permutation_type="pairings"
    )
    assert p == pytest.approx(expected.pvalue)


def test_rank_correlation_of_many_pairs_and_ties():
    rng = np.random.default_rng(6)
    x = rng.integers(5, size=60)
    y = x + rng.normal(0, 6, 60)
    rho, p = rank_correlation(x, y)
    expected = stats.spearmanr(x, y)
    assert rho == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue, abs=0.02)
    assert rank_correlation(x, y) == (rho, p)
    assert rank_correlation(-x, y)[0] == pytest.approx(-rho)


@pytest.mark.parametrize(
    ("x", "y"), [([1, 2, 3], [1, 2, 3]), ([1, 2, 3, math.nan], [1, 2, 3, 4]), ([1] * 5, range(5))]
)
def test_few_pairs_or_a_constant_side_have_no_rank_correlation(x, y):
    assert all(map(math.isnan, rank_correlation(x, y)))


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


def test_a_hull_is_as_wide_as_the_widest():
    narrow, left, right = Interval(1, 0.9, 1.1), Interval(2, 0.5, 1.0), Interval(3, 1, 1.3)
    assert hull(narrow, left, right) == (1, 0.5, 1.3)
    assert hull(narrow) == narrow
    unknown = hull(Interval(1, math.nan, math.nan), left)
    assert unknown.mean == 1
    assert math.isnan(unknown.low)
    assert math.isnan(unknown.high)
