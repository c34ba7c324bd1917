"""How alike documents become, and what the loss asks for: means and bands by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import reports
from bench.errors import InputError
from reports.figures import create
from tests.reports.results_builder import Run, make
from tests.support.study_writer import Arm, Plan, Writer


def watched(results, targets=()):
    """The results with diagnostics: cosines fall from 0.9 with a spread over seeds; targets of
    the arms that have some are twice as much."""
    curves = results.curves.copy()
    trained = (curves["role"] == "final") & (curves["point"] > 0)
    cosines = 0.9 - 0.1 * curves["point"] + 0.02 * curves["seed"]
    curves["mean_cosine"] = np.where(trained, cosines, np.nan)
    wanted = trained & curves["arm"].isin(targets)
    curves["mean_target"] = np.where(wanted, 2 * cosines, np.nan)
    return replace(results, curves=curves)


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    plan = Plan(arms=[Arm(name) for name in names], baseline=names[0])
    return watched(Writer(folder, plan).write(), targets=names[1:])


def test_points_are_means_over_seeds_with_students_interval():
    results = watched(make({"a": [Run([0.1, 0.2, 0.3])] * 3, "b": [Run([0.1, 0.2, 0.3])] * 2}))
    data = create("collapse").data(results).set_index(["arm", "point"])
    assert list(data.index) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    row = data.loc[("a", 2)]
    seeds = [0.72, 0.74, 0.76]
    bounds = stats.t.interval(0.95, 2, 0.74, stats.sem(seeds))
    assert (row["quantity"], row["examples"], row["seeds"]) == ("mean_cosine", 200, 3)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.74, *bounds))
    assert data.loc[("b", 2), "mean"] == pytest.approx(0.73)
    assert data.loc["b", ["low", "high"]].isna().all(axis=None)


def test_a_panel_each_and_collapse_at_one(tmp_path):
    results = case(tmp_path, ("margin-mse", "b", "c"))
    cosines, targets = reports.draw("collapse", results).axes
    across = [line for line in cosines.lines if set(line.get_ydata()) == {1.0}]
    assert len(across) == 1
    assert cosines.get_ylim()[1] > 1
    assert len(cosines.lines) == 4
    assert [line.get_ydata()[0] for line in targets.lines] == pytest.approx([1.68, 1.68])
    assert targets.get_xlim()[0] == 0


def test_without_targets_there_is_one_panel(results):
    assert len(reports.draw("collapse", watched(results)).axes) == 1


def test_targets_alone_are_shown_too(results):
    with_both = watched(results, targets=["margin-mse"])
    alone = replace(with_both, curves=with_both.curves.drop(columns="mean_cosine"))
    (axes,) = reports.draw("collapse", alone, arms=["margin-mse"]).axes
    assert len(axes.lines) == 1


def test_older_records_have_none(results):
    with pytest.raises(InputError, match="older records lack"):
        reports.draw("collapse", results)


def test_the_description_tells_from_where_to_where():
    results = watched(make({"a": [Run([0.1, 0.2, 0.3])] * 3}))
    figure = create("collapse")
    said = figure.alt(results, figure.data(results))
    assert "mean_cosine of a 0.840 → 0.740 [0.690, 0.790]." in said


def test_a_line_ends_where_the_first_of_its_seeds_does(results):
    """A mean over the seeds that are left would rise or fall for who is in it."""
    curves = results.curves.assign(mean_cosine=0.2, mean_target=np.nan)
    alone = (curves["arm"] == "margin-mse") & (curves["point"] > 2) & (curves["seed"] != 1)
    curves.loc[(curves["arm"] == "margin-mse") & (curves["point"] > 2), "mean_cosine"] = 0.9
    data = reports.figures.create("collapse").data(replace(results, curves=curves[~alone]))
    own = data[data["arm"] == "margin-mse"]
    assert own["point"].max() == 2
    assert (own["seeds"] == 3).all()
    assert own["mean"].tolist() == pytest.approx([0.2] * len(own))
