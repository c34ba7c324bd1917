"""Distance to the teacher's vectors against the gap in quality: by hand, and ρ as scipy's."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import reports
from bench.errors import InputError
from bench.results import ERRORS
from reports.analysis.teacher_agreement import geometry_table, theory_table
from reports.figures import create
from tests.support.study_writer import Arm, Plan, Writer


def apart(results, *, seed=0):
    """The results with distances by run: the later an arm in the study, the farther."""
    summary = results.summary.copy()
    rng = np.random.default_rng(seed)
    finals = summary["role"] == "final"
    order = {arm: number for number, arm in enumerate(summary.loc[finals, "arm"].unique())}
    for at, name in enumerate(ERRORS):
        near = 0.3 + 0.1 * at + 0.1 * summary["arm"].map(order)
        summary[name] = np.where(finals, near + rng.normal(0, 0.01, len(summary)), np.nan)
    return replace(results, summary=summary)


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    levels = [0.66, 0.62, 0.55, 0.5]
    arms = [Arm(name, level) for name, level in zip(names, levels, strict=False)]
    return apart(Writer(folder, Plan(arms=arms, baseline=names[0])).write())


@pytest.fixture
def four(tmp_path):
    return case(tmp_path, ("margin-mse", "b", "c", "d"))


def test_means_and_intervals_are_over_seeds_in_both_directions(four):
    data = create("geometry").data(four)
    means = data[data["role"] == "mean"].set_index(["error", "arm"])
    gaps = geometry_table(four).set_index("arm")
    for error in ERRORS:
        row = means.loc[(error, "b")]
        seeds = four.summary.query("role == 'final' and arm == 'b'")[error]
        bounds = stats.t.interval(0.95, 2, seeds.mean(), stats.sem(seeds))
        found = row[["distance", "distance low", "distance high"]].tolist()
        assert found == pytest.approx([seeds.mean(), *bounds])
        found = row[["gap", "gap low", "gap high"]].tolist()
        assert found == pytest.approx(gaps.loc["b", ["gap", "gap low", "gap high"]].tolist())
    assert (data["role"] == "final").sum() == 2 * 4 * 3


def test_the_correlation_is_that_of_the_theory_table(four):
    rho = theory_table(four).set_index("error")["correlation"]
    means = create("geometry").data(four).query("role == 'mean'")
    own = means[means["error"] == "query_error"]
    assert rho["query_error"] == pytest.approx(stats.spearmanr(own["distance"], own["gap"])[0])
    said = create("geometry").alt(four, create("geometry").data(four))
    assert "queries: ρ = +1.00" in said
    titles = [axes.get_title(loc="left") for axes in reports.draw("geometry", four).axes]
    assert [title.startswith("ρ = +1.00, p = ") for title in titles] == [True, True]


def test_symbols_stand_at_the_means(four):
    means = create("geometry").data(four).query("role == 'mean'")
    for axes, error in zip(reports.draw("geometry", four).axes, ERRORS, strict=True):
        symbols = [line for line in axes.lines if line.get_zorder() == 4]
        own = means[means["error"] == error]
        assert [line.get_xdata()[0] for line in symbols] == pytest.approx(list(own["distance"]))
        assert [line.get_ydata()[0] for line in symbols] == pytest.approx(list(own["gap"]))


def test_fewer_arms_have_no_correlation_and_no_two_teachers_share_one(study, four):
    three = apart(study())
    assert {axes.get_title(loc="left") for axes in reports.draw("geometry", three).axes} == {""}
    four.summary.loc[four.summary["arm"] == "d", "retention_of"] = "untrained"
    assert {axes.get_title(loc="left") for axes in reports.draw("geometry", four).axes} == {""}


def test_without_documents_there_is_one_panel(four):
    four.summary["document_error"] = np.nan
    (axes,) = reports.draw("geometry", four).axes
    assert axes.get_xlabel() == "mean distance\nof queries"


def test_older_records_have_no_distance(results):
    with pytest.raises(InputError, match="as wide as those of a teacher"):
        reports.draw("geometry", results)
