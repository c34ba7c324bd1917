"""What an arm's quality costs, second by second."""

import pytest

import reports
from tests.reports.conftest import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()


def test_it_charges_what_is_due_before_training(results):
    data = reports.figures.create("time-to-quality").data(results)
    starts = data[(data["point"] == 0) & (data["role"] == "final")]
    cold = starts[starts["clock"] == "cold"].groupby("arm")["seconds"].mean()
    assert cold.to_dict() == pytest.approx(
        {"margin-mse": 43.0, "adaptive-margin": 3.0, "static-margin": 3.0}
    )
    summary = results.summary.query("role == 'final' and status == 'done'")
    ends = data[(data["point"] == 5) & (data["role"] == "final")]
    for clock in ("cold", "tuned"):
        shown = ends[ends["clock"] == clock].set_index(["arm", "seed"])["seconds"]
        charged = summary.set_index(["arm", "seed"])[f"{clock}_seconds"]
        assert shown.to_dict() == pytest.approx(charged.to_dict())


def test_it_draws_the_tuned_clock_only_where_something_was_tuned(study):
    assert len(reports.draw("time-to-quality", study()).axes) == 2
    assert len(reports.draw("time-to-quality", study(trials=0)).axes) == 1


def test_it_begins_at_the_first_point_where_nothing_was_prepared(study):
    results = study(arms=[{"name": "margin-mse"}], trials=0)
    (axes,) = reports.draw("time-to-quality", results).axes
    left, _ = axes.get_xlim()
    first = (
        reports.figures.create("time-to-quality").data(results).query("point == 1")["seconds"].min()
    )
    assert 0 < left < first
