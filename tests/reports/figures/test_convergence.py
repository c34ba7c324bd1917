"""How an arm gets better with the examples it sees."""

import math

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from scipy import stats

import reports
from reports.analysis.statistics import interval
from reports.drawing.curves import means
from tests.reports.results_builder import PRIMARY, Run, make
from tests.support.study_writer import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()


def test_convergence_shows_final_runs_and_references_alone(results):
    data = reports.figures.create("convergence").data(results)
    final = data[data["role"] == "final"]
    assert len(final) == (3 + 3 + 2) * 6
    assert set(data["role"]) == {"final", "reference"}
    assert list(data.loc[data["role"] == "reference", "arm"]) == ["bm25", "untrained", "teacher"]
    merged = final.merge(results.curves, on=["arm", "role", "trial", "seed", "point"])
    assert (merged["nDCG@10_x"] == merged["nDCG@10_y"]).all()


def test_convergence_names_lines_beside_them_where_there_is_room(study):
    arms = [{"name": "margin-mse", "level": 0.62}, {"name": "b", "level": 0.54}]
    drawn = reports.draw("convergence", study(arms=arms, seeds=[1]))
    (axes,) = drawn.axes
    assert not drawn.legends
    assert {text.get_text() for text in axes.texts} >= {"margin-mse", "b", "untrained"}


def test_a_reference_far_off_does_not_flatten_the_curves(results):
    (axes,) = reports.draw("convergence", results).axes
    assert axes.get_ylim()[1] < 0.7
    assert "teacher 0.850 ↑" in {text.get_text() for text in axes.texts}


BASELINE = [Run([0.1, 0.3, 0.5, 0.5])] * 3
"""There, at all it gains, with 200 examples."""


def study(**arms):
    return make({"b": BASELINE, **arms}, targets=[1.0])


def rows(results):
    return reports.figures.create("convergence").data(results).set_index("arm")


def symbols(results, arm):
    """Of the arm's look, those that are not on a line: where it is at the target."""
    look = reports.style.looks(results)[arm]
    (axes,) = reports.draw("convergence", results).axes
    alone = [line for line in axes.lines if line.get_linestyle() == "None"]
    return [line.get_xdata()[0] for line in alone if line.get_color() == look.colour]


def test_a_band_is_students_interval_over_seeds():
    ends = (0.4, 0.5, 0.9)
    results = study(a=[Run([0.1, end]) for end in ends])
    row = rows(results).loc["a"].set_index("point").loc[1].iloc[0]
    low, high = stats.t.interval(0.95, 2, 0.6, stats.sem(ends))
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.6, low, high))
    (axes,) = reports.draw("convergence", results, arms=["a"]).axes
    (band,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((low, high))


def test_many_intervals_at_once_are_those_of_one_after_the_other():
    rng = np.random.default_rng(3)
    arms = {f"a{seeds}": [Run(list(rng.random(4))) for _ in range(seeds)] for seeds in range(1, 6)}
    trained = rows(make(arms)).reset_index().drop(columns=["mean", "low", "high"])
    for row in means(trained, "examples", PRIMARY).to_dict("records"):
        own = trained[(trained["arm"] == row["arm"]) & (trained["point"] == row["point"])]
        assert [row[name] for name in ("y", "low", "high")] == pytest.approx(
            list(interval(own[PRIMARY])), nan_ok=True
        )


def test_two_seeds_are_lines_and_no_band():
    results = study(a=[Run([0.1, 0.4]), Run([0.1, 0.6])])
    assert rows(results).loc["a", ["low", "high"]].isna().all(axis=None)
    (axes,) = reports.draw("convergence", results, arms=["a"]).axes
    ends = [list(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert [0.1, 0.4] in ends
    assert [0.1, 0.6] in ends


def test_a_mean_ends_where_the_first_of_its_seeds_does():
    """Of those that go on, the mean would leap where another ends."""
    results = study(a=[Run([0.1, 0.2, 0.3]), Run([0.1, 0.2]), Run([0.1, 0.2])])
    own = means(rows(results).reset_index(), "examples", PRIMARY)
    assert list(own.loc[own["arm"] == "a", "point"]) == [0, 1]
    (axes,) = reports.draw("convergence", results, arms=["a"]).axes
    colour = reports.style.looks(results)["a"].colour
    lines = [list(line.get_ydata()) for line in axes.lines if line.get_color() == colour]
    assert [0.2, 0.3] in lines  # the third seed, by itself


def test_the_target_is_a_line_across_with_its_name():
    results = study(a=[Run([0.1, 0.7, 0.7, 0.7])] * 3)
    assert set(rows(results)["quality"]) == {0.5}
    drawn = reports.draw("convergence", results, arms=["a"])
    (axes,) = drawn.axes
    across = [line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert across == [0.5]
    assert "target: 100 % of the gain" in {text.get_text() for text in axes.texts}


def test_a_target_far_off_does_not_flatten_the_curves_and_says_where_it_is():
    """As where the baseline, which is up there, is not shown."""
    results = study(a=[Run([0.1, 0.11, 0.12, 0.12])] * 3)
    (axes,) = reports.draw("convergence", results, arms=["a"]).axes
    assert axes.get_ylim()[1] < 0.2
    assert "target: 100 % of the gain 0.500 ↑" in {text.get_text() for text in axes.texts}


def test_arms_are_marked_where_all_of_their_seeds_are_at_the_target():
    fast, late = Run([0.1, 0.6, 0.6, 0.6]), Run([0.1, 0.6, 0.3, 0.6])
    results = study(all=[fast, fast, BASELINE[0]], some=[fast, fast, late], none=[late] * 3)
    found = rows(results).groupby("arm").first()
    assert found.loc["all", "crossing"] == pytest.approx(400 / 3)
    assert found.loc[["some", "none"], "crossing"].map(math.isinf).all()
    assert list(found.loc[["all", "some", "none"], "reached"]) == [3, 2, 0]
    assert symbols(results, "all") == pytest.approx([400 / 3])
    assert symbols(results, "b") == [200]
    assert symbols(results, "some") == symbols(results, "none") == []
    figure = reports.figures.create("convergence")
    told = figure.alt(results, figure.data(results))
    assert "all with 133 examples; some with 2 of 3 seeds; none not within the budget." in told


@pytest.mark.parametrize("arms", [{"schedule": "linear"}, {"targets": [1.0]}])
def test_without_a_target_there_are_curves_alone(arms):
    """Where the schedule is not constant, or the baseline gains nothing."""
    end = 0.5 if "schedule" in arms else 0.1
    results = make({"b": [Run([0.1, end])] * 3}, **arms)
    drawn = reports.draw("convergence", results)
    assert not any(text.get_text().startswith("target") for text in drawn.axes[0].texts)
    assert symbols(results, "b") == []


def test_a_wide_band_does_not_flatten_the_curves():
    results = study(a=[Run([0.1, end]) for end in (0.2, 0.5, 0.8)])
    row = rows(results).loc["a"].set_index("point").loc[1].iloc[0]
    assert row["low"] < -0.2
    low, high = reports.draw("convergence", results, arms=["a"]).axes[0].get_ylim()
    assert low > -0.1
    assert high < 1.1


def test_the_description_tells_of_points_that_all_seeds_have():
    """One seed of a goes on alone: what it gets is no mean of the arm."""
    runs = [Run([0.1, 0.3, 0.3]), Run([0.1, 0.3, 0.3]), Run([0.1, 0.3, 0.5, 0.9])]
    results = make({"b": [Run([0.1, 0.2, 0.3, 0.4, 0.6])] * 3, "a": runs})
    figure = reports.figures.create("convergence")
    told = figure.alt(results, figure.data(results))
    assert "at the last point: b 0.600, a 0.367." in told
