"""What an arm's quality costs, second by second."""

import numpy as np
import pytest

import reports
from reports.analysis.statistics import interval
from tests.reports.figure_legibility import words
from tests.reports.results_builder import PRIMARY, Run, make
from tests.support.study_writer import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()


def test_it_charges_what_is_due_before_training(results):
    data = reports.figures.create("time-to-quality").data(results)
    starts = data[data["point"] == 0].groupby(["clock", "arm"])["seconds"].mean()
    assert set(starts["train"]) == {0}
    assert starts["cold"].to_dict() == pytest.approx(
        {"margin-mse": 43.0, "adaptive-margin": 3.0, "static-margin": 3.0}
    )
    summary = results.summary.query("role == 'final' and status == 'done'")
    ends = data[data["point"] == 5]
    for clock in ("train", "cold", "tuned"):
        shown = ends[ends["clock"] == clock].set_index(["arm", "seed"])["seconds"]
        charged = summary.set_index(["arm", "seed"])[f"{clock}_seconds"]
        assert shown.to_dict() == pytest.approx(charged.to_dict())


def test_it_draws_the_tuned_clock_only_where_something_was_tuned(study):
    assert len(reports.draw("time-to-quality", study()).axes) == 3
    assert len(reports.draw("time-to-quality", study(trials=0)).axes) == 2


def test_panels_share_their_axes(results):
    panels = reports.draw("time-to-quality", results).axes
    assert len({axes.get_xlim() for axes in panels}) == 1
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert [axes.get_xlabel() != "" for axes in panels] == [False, False, True]


TEACHER = (("prepare", "embeddings", 40.0), ("score", "scores", 30.0))


def by_hand():
    """40 s before training, then 10 s of training and 10 of scoring to each of three points."""
    arm = [Run([0.1, value, 0.4, 0.5], bills=TEACHER) for value in (0.2, 0.25, 0.3)]
    return make({"b": [Run([0.1, 0.3, 0.4, 0.4])] * 3, "a": arm}, targets=[1.0])


def curve(axes, colour):
    """Places and heights of the thick line of an arm."""
    return next(
        np.column_stack(line.get_data())
        for line in axes.lines
        if line.get_color() == colour and len(line.get_xdata()) > 2
    )


def test_what_training_waits_for_is_a_step_and_scoring_lies_along_the_curve():
    results = by_hand()
    colour = reports.style.looks(results)["a"].colour
    train, cold = reports.draw("time-to-quality", results).axes
    assert curve(train, colour)[1:] == pytest.approx(np.array([(10, 0.25), (20, 0.4), (30, 0.5)]))
    assert curve(cold, colour) == pytest.approx(
        np.array([(40, 0.1), (60, 0.25), (80, 0.4), (100, 0.5)])
    )
    ticks = [line.get_xdata()[0] for line in cold.lines if line.get_marker() == "|"]
    assert max(ticks) == 40
    waits = [line for line in cold.lines if len(line.get_xdata()) == 2 and line.is_dashed()]
    longest = max(waits, key=lambda line: line.get_xdata()[1])
    assert longest.get_xdata() == pytest.approx([cold.get_xlim()[0], 40])
    assert longest.get_ydata() == pytest.approx([0.1, 0.1])


def test_it_begins_at_the_left_where_nothing_is_waited_for():
    """Before the first point, at 10 s; an axis of logarithms has no zero to begin at."""
    results = by_hand()
    train, cold = reports.draw("time-to-quality", results).axes
    left, _ = train.get_xlim()
    for axes in (train, cold):
        place, height = curve(axes, "black")[0]
        assert left < place < 1.2 * left < 10
        assert height == pytest.approx(0.1)


def test_its_target_and_intervals_are_in_the_data():
    results = by_hand()
    data = reports.figures.create("time-to-quality").data(results)
    assert set(data["target"]) == {"100 % of the gain"}
    assert data["quality"].tolist() == pytest.approx([0.4] * len(data))
    row = data.query("clock == 'cold' and arm == 'a' and point == 1").iloc[0]
    over_seeds = interval([0.2, 0.25, 0.3])
    assert tuple(row[["mean", "low", "high"]]) == pytest.approx(tuple(over_seeds))
    assert row["mean seconds"] == 60
    panels = reports.draw("time-to-quality", results).axes
    across = [line for axes in panels for line in axes.lines if set(line.get_ydata()) == {0.4}]
    assert {line.axes for line in across} == set(panels)
    assert "target: 100 % of the gain" in words(panels[0].figure)


def test_without_a_target_there_are_curves():
    results = make({"b": [Run([0.2, 0.1, 0.1])], "a": [Run([0.1, 0.2, 0.3])]})
    drawn = reports.draw("time-to-quality", results)
    assert len(drawn.axes) == 2
    assert not any("target" in word for word in words(drawn))


def test_it_says_when_training_begins_and_what_it_brings():
    results = by_hand()
    figure = reports.figures.create("time-to-quality")
    said = figure.alt(results, figure.data(results))
    assert f"{PRIMARY}: b, train: 0.100 until 0 s, then up to 0.400 at 30 s" in said
    assert "a, cold: 0.100 until 40 s, then up to 0.500 at 100 s" in said


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_clock_that_stood_still_has_an_axis_all_the_same(study):
    results = study(trials=0)
    for table in (results.summary, results.curves):
        for name in table.columns[table.columns.str.endswith("_seconds")]:
            table[name] = 0.0
    results.ledger["seconds"] = 0.0
    for name in ("time-to-quality", "costs"):
        reports.draw(name, results).draw_without_rendering()
