"""What quality an arm gets from a share of the data."""

import pytest
from scipy import stats

import reports
from bench.errors import InputError
from tests.reports.figure_legibility import words
from tests.reports.results_builder import Run, make

FULL = (0.5, 0.6, 0.64)
"""What the baseline's seeds reach on test with everything."""


def trained(value):
    return Run([0.1, value], labels=100, test={"test": (value, value)})


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    shares = {0.05: -0.2, 0.2: -0.1, 1.0: 0.0}
    given = {
        share: {
            name: [trained(value + less - 0.02 * at) for value in FULL]
            for at, name in enumerate(names)
        }
        for share, less in shares.items()
    }
    return make(given.pop(1.0), subsets=given)


def test_it_shows_means_on_test_with_intervals_over_seeds(tmp_path):
    data = reports.figures.create("data-fraction").data(case(tmp_path, ["b", "a"]))
    assert set(data["part"]) == {"test"}
    row = data.set_index(["arm", "train_share"]).loc[("a", 0.2)]
    values = [value - 0.12 for value in FULL]
    assert row["quality"] == pytest.approx(sum(values) / 3)
    low, high = stats.t.interval(0.95, 2, sum(values) / 3, stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_the_baseline_with_everything_is_a_line_across_though_it_is_not_shown(tmp_path):
    results = case(tmp_path, ["b", "a"])
    for arms in ([], ["a"]):
        drawn = reports.draw("data-fraction", results, arms=arms)
        (axes,) = drawn.axes
        across = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
        assert [line.get_ydata()[0] for line in across] == pytest.approx([sum(FULL) / 3])
        assert "baseline, all queries" in words(drawn)


def test_without_a_test_it_shows_dev(tmp_path):
    results = case(tmp_path, ["b"])
    for there in (results, *results.subsets.values()):
        there.summary["nDCG@10"] = None
    data = reports.figures.create("data-fraction").data(results)
    assert set(data["part"]) == {"dev-curve"}
    assert data["quality"].iloc[-1] == pytest.approx(sum(FULL) / 3)


def test_shares_close_together_have_no_tick_each():
    shares = [0.1, 0.11, 0.5, 0.9, 1.0]
    given = {share: {"b": [trained(0.5)]} for share in shares}
    (axes,) = reports.draw("data-fraction", make(given.pop(1.0), subsets=given)).axes
    assert list(axes.get_xticks()) == [1.0, 0.5, 0.11]


def test_it_wants_shares():
    with pytest.raises(InputError, match="that takes train_shares"):
        reports.draw("data-fraction", make({"b": [trained(0.5)]}))
