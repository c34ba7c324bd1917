"""The committed study of coverage against another run of it, and what its numbers have to be."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from reports.analysis.interval_calibration import (
    CENSORED,
    FILE,
    FLAT,
    HONEST,
    SEEDS,
    label,
    measured,
    pipeline_label,
)
from reports.analysis.statistics import ratio
from reports.simulation.curves import (
    DESIGNS,
    FACTORS,
    RISING,
    Design,
    compared,
    drawn_values,
    simulate_curves,
    truths,
)
from reports.simulation.formulas import (
    bootstrap_bounds,
    restricted_logs,
    simulate,
    welch_bounds,
)

pytestmark = pytest.mark.slow

KEYS = ["method", "seeds", "baseline seeds", "queries", "arm spread", "baseline spread"]
KEYS += ["arm censored", "baseline censored"]
DRAWS = 2_500
CURVE_KEYS = ["method", "seeds", "queries", "arm spread", "points", "budget", "gain", "factor"]
CURVE_DRAWS = 150
AGAIN = [design for design in DESIGNS if design.seeds < 10 and design.queries == 300]


@pytest.fixture(scope="module")
def everything():
    return pd.read_csv(FILE)


@pytest.fixture(scope="module")
def committed(everything):
    """Of single formulas."""
    return everything[everything["points"].isna()]


@pytest.fixture(scope="module")
def curves(everything):
    return everything[everything["points"].notna()]


def test_other_draws_agree_with_the_committed_ones(committed):
    again = simulate(DRAWS, seed=1)
    pd.testing.assert_frame_equal(committed[KEYS], again[KEYS], check_dtype=False)
    for column in ("coverage", "rejects"):
        ours, theirs = committed[column], again[column].astype(float)
        assert ours.isna().equals(theirs.isna())
        apart = _errors_apart(ours, theirs, committed["draws"], DRAWS).dropna()
        assert apart.max() < 4
        # Not only no setting is far off: all together they are as far apart as chance has them.
        assert np.sqrt((apart**2).mean()) < 1.3


def _errors_apart(ours, theirs, draws, others):
    """How far shares are from each other, in standard errors of their difference."""
    pooled = (ours * draws + theirs * others) / (draws + others)
    return (ours - theirs).abs() / np.sqrt(pooled * (1 - pooled) * (1 / draws + 1 / others))


def test_intervals_and_tests_keep_their_promise_without_censoring(committed):
    exact = committed[(committed["arm censored"] == 0) & (committed["baseline censored"] == 0)]
    even = exact[(exact["method"] == "ratio") & (exact["seeds"] == exact["baseline seeds"])]
    enough = even[even["seeds"] >= 5]
    assert len(enough) == 4
    assert [label(seeds, 0) for seeds in enough["seeds"]] == [""] * 4
    assert enough["coverage"].between(*HONEST).all()
    randomisation = committed[committed["method"] == "randomisation"]
    assert pd.concat([enough, randomisation])["rejects"].between(0.043, 0.057).all()
    assert even["rejects"].max() < 0.057  # with three seeds Welch's test rejects rather too little


def test_seeds_and_queries_together_cover_enough(committed):
    one = committed[committed["method"] == "one arm"]
    assert one["coverage"].between(*HONEST).all()
    two = committed[committed["method"] == "seeds and queries"]
    alike = two["arm spread"] < 0.1
    assert two.loc[~alike & (two["seeds"] >= 5), "coverage"].between(*HONEST).all()
    assert two["coverage"].between(HONEST[0], 0.99).all()  # wide where arms are alike


def test_the_bootstrap_over_seeds_does_not(committed):
    found = committed[committed["method"] == "bootstrap"].set_index("seeds")["coverage"]
    assert found.loc[3].max() < 0.9
    assert found.max() < HONEST[0]


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("censored", [(0, 0), (0.3, 0.6)])
def test_what_is_simulated_is_the_ratio(seeds, censored):
    rng = np.random.default_rng(7)
    ours, theirs = (restricted_logs(rng, 0.4, share, (20, seeds))[0] for share in censored)
    low, high, _ = welch_bounds(ours, theirs)
    for draw in range(20):
        found = ratio(np.exp(ours[draw]), np.exp(theirs[draw]))
        assert found[1:] == pytest.approx(np.exp([low[draw], high[draw]]))


def test_the_bootstrap_is_scipys():
    ours, theirs = np.random.default_rng(8).normal(size=(2, 1, 6))
    low, high = bootstrap_bounds(np.random.default_rng(9), ours, theirs)
    expected = stats.bootstrap(
        (ours[0], theirs[0]),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        method="percentile",
        rng=np.random.default_rng(10),
    )
    tolerance = 0.3 * expected.standard_error
    bounds = expected.confidence_interval
    assert [low[0], high[0]] == pytest.approx([bounds.low, bounds.high], abs=tolerance)


@pytest.mark.parametrize("censored", CENSORED)
def test_the_truth_is_the_mean_of_restricted_logs(censored):
    logs, truth = restricted_logs(np.random.default_rng(11), 0.5, censored, (40_000, 5))
    assert logs.mean() == pytest.approx(truth, abs=5 * logs.std() / np.sqrt(logs.size))
    if censored:
        assert np.mean(logs == 0) == pytest.approx(censored, abs=0.006)
        curve = stats.norm(-0.5 * stats.norm.isf(censored), 0.5)
        area, _ = integrate.quad(lambda log: log * curve.pdf(log), -9, 0)
        assert truth == pytest.approx(area)


def test_what_is_measured_is_the_worst_that_applies(committed):
    rows = committed[(committed["method"] == "ratio") & (committed["seeds"] == 5)]
    even = rows[rows["baseline seeds"] == 5]
    most = even[["arm censored", "baseline censored"]].max(axis=1)
    expected = even.loc[most == 0.3, "coverage"]
    worst = max(expected, key=lambda share: abs(share - 0.95))
    assert measured(5, 0.3) == measured(9, 0.1) == measured(7, 1 / 3 - 0.1) == worst
    assert measured(5, 0.3, more=5) == worst
    assert measured(5, 3 / 5) == measured(6, 0.31)
    assert measured(10, 0) == measured(100, 0) == measured(100, 0, more=200)
    uneven = rows[(rows["baseline seeds"] == 10) & (rows["arm censored"] == 0)]
    shares = uneven.loc[uneven["baseline censored"] == 0, "coverage"]
    assert measured(7, 0, more=8) in set(shares)


def test_what_was_not_measured():
    assert measured(2, 0) is None
    assert measured(10, 0.61) is None
    assert label(10, 0.61) == "coverage not measured"


def test_a_label_says_the_share_where_it_is_not_near_95():
    assert [label(seeds, 0) for seeds in SEEDS] == [""] * 3
    assert label(5, 0.5) == f"covers {100 * measured(5, 0.6):.1f} % in simulation"
    assert label(3, 0, more=10) == f"covers {100 * measured(3, 0, more=10):.1f} % in simulation"


def test_other_curves_agree_with_the_committed_ones(curves):
    again = simulate_curves(CURVE_DRAWS, seed=1, designs=AGAIN)
    both = again.merge(curves, on=CURVE_KEYS, suffixes=("", " committed"), validate="1:1")
    assert len(both) == len(again) == 8 * len(AGAIN)
    np.testing.assert_allclose(both["truth"], both["truth committed"], atol=1e-4)
    both["all"] = both["all committed"] = 1.0
    apart = []
    for share, of in (("coverage", "answered"), ("answered", "all"), ("bounds", "all")):
        sizes = both["draws committed"] * both[of + " committed"], CURVE_DRAWS * both[of]
        apart.extend(_errors_apart(both[share + " committed"], both[share], *sizes).dropna())
    assert len(apart) > 100
    assert max(apart) < 4.5  # shares near 1 are not normal
    assert np.sqrt(np.mean(np.square(apart))) < 1.4  # settings of a design share its draws


def test_every_design_is_committed(curves):
    expected = sum(2 * len(design.gains) * len(FACTORS) for design in DESIGNS)
    assert len(curves) == expected == len(curves.drop_duplicates(CURVE_KEYS))
    assert (curves.loc[curves["factor"] == 1, "truth"] == 1).all()


def test_the_target_of_the_same_runs_costs_little_coverage(curves):
    both = curves[(curves["method"] == "curves") & (curves["budget"] == FLAT)]
    assert both.loc[(both["queries"] == 300) & (both["arm spread"] < 0.1), "coverage"].min() > 0.9


def test_few_baseline_runs_are_censored_at_the_flat_budget_alone(curves):
    share = curves.groupby("budget")["baseline censored"].mean()
    assert share[FLAT] < 0.2 < 0.35 < share[RISING]


def test_the_true_ratio_is_that_of_the_paces_where_the_grid_is_fine():
    found = truths(40, RISING, (0.5,))[0.5, 3]  # the faster arm is rounded up by more
    assert np.exp(found) == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize(("points", "budget"), [(20, FLAT), (8, FLAT), (20, RISING)])
def test_restricting_brings_the_true_ratio_nearer_1(points, budget):
    found = truths(points, budget, (0.95, 0.8))
    for gain in (0.95, 0.8):
        assert found[gain, 1] == (0, 0)
        assert found[gain, 3].crossed <= found[gain, 3].restricted + 1e-12 < 0


def test_curves_have_the_moments_that_they_are_drawn_with():
    design = Design(3, 400, 0.2, points=2)
    values = drawn_values(np.random.default_rng(12), design, 20)
    assert values.shape == (400, 20, 9, 3)
    start = values[..., 0]
    assert (start == start[..., :1]).all()  # the same untrained student
    assert start.mean() == pytest.approx(0.33, abs=0.02)
    assert (values[..., 2] - start).mean() == pytest.approx(0.15, abs=0.01)
    rest = values[..., 1:] - values[..., 1:].mean(axis=(0, 2), keepdims=True)
    within = rest[:, :, :3, 1].std(axis=2, ddof=1)  # of a baseline's runs on a query
    assert np.sqrt((within**2).mean()) == pytest.approx(0.18, abs=0.01)


def test_each_draw_is_compared_as_the_reports_compare():
    design = Design(3, 30, 0.05, points=8)
    values = drawn_values(np.random.default_rng(13), design, 4)
    rows = list(compared(design, values))
    assert [(gain, factor) for gain, factor, _ in rows] == [
        (gain, factor) for gain in design.gains for factor in FACTORS for _ in range(4)
    ]
    # The target and the crossings of the last draw's first arm, at 95 %, by hand.
    means = values.mean(axis=0)[3]
    target = means[:3, 0].mean() + 0.95 * (means[:3, -1].mean() - means[:3, 0].mean())
    logs = []
    for run in means[:6]:
        there = [p for p in range(8) if run[p] >= target and run[p + 1] >= target]
        logs.append(np.log(there[0] if there else 8))
    expected = np.exp(np.mean(logs[3:]) - np.mean(logs[:3]))
    assert rows[2 * 4 + 3][2]["ratio"] == pytest.approx(expected)


def test_what_is_said_of_the_whole_way_is_the_worst_and_the_best(curves):
    rows = curves[(curves["seeds"] == 5) & (curves["budget"] == FLAT) & (curves["gain"] > 0.9)]
    for queries, method in ((True, "curves"), (False, "curves, seeds alone")):
        found = 100 * rows.loc[rows["method"] == method, "coverage"]
        said = f"covered {found.min():.0f} to {found.max():.0f} % in simulation with 5 seeds"
        assert pipeline_label(5, queries) == pipeline_label(9, queries)
        assert pipeline_label(5, queries).endswith(said)
    assert pipeline_label(2) == ""
