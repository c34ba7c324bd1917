"""What tuning leaves of a speed-up, trial by trial, by hand."""

import math

import pytest

import reports
from bench.errors import InputError
from tests.reports.figure_legibility import words
from tests.reports.results_builder import Run, make

TRIAL = [("train", "run", 10.0)]


def crosses(point, **options):
    """A run that goes from 0.1 to 0.5 and is there at this evaluation point of six."""
    return Run([0.1] * point + [0.5] * (6 - point), **options)


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    others = [[crosses(1 + index), crosses(2), crosses(3)] for index in range(len(names) - 1)]
    arms = dict(zip(names, [[crosses(4)] * 3, *others], strict=True))
    return make(arms, trials={name: [TRIAL] * 3 for name in names})


def tuned(**arms):
    """Beside a baseline that is there after 40 s, each with two trials of 10 s."""
    arms = {"b": [crosses(4)] * 3, **arms}
    return make(arms, trials={name: [TRIAL] * 2 for name in arms}, targets=[1.0])


def lines(drawn):
    """The heights of each arm's line; other lines are of an interval, or at 1."""
    (axes,) = drawn.axes
    return [list(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) > 2]


def test_trials_of_both_are_paid():
    results = tuned(a=[crosses(1)] * 3, c=[crosses(2)] * 3)
    drawn = reports.draw("speed-by-trials", results)
    assert lines(drawn) == [
        pytest.approx([40 / 10, 50 / 20, 60 / 30]),
        pytest.approx([40 / 20, 50 / 30, 60 / 40]),
    ]
    assert {"a: 2×", "c: 1.5×"} <= set(words(drawn))


def test_its_ends_have_the_intervals_of_cold_and_tuned():
    results = tuned(a=[crosses(1), crosses(2), crosses(2)])
    data = reports.figures.create("speed-by-trials").data(results)
    clocks = reports.figures.create("speed-up").data(results).set_index("quantity")
    for trials, clock in {0: "cold", 2: "tuned"}.items():
        end, wanted = data.iloc[trials], clocks.loc[clock]
        assert end["ratio"] == pytest.approx(wanted["ratio"])
        assert (end["shown low"], end["shown high"]) == (wanted["seeds low"], wanted["seeds high"])
    assert math.isnan(data.iloc[1]["shown low"])
    (axes,) = reports.draw("speed-by-trials", results).axes
    drawn = [list(line.get_ydata()) for line in axes.lines if line.get_marker() == "_"]
    assert drawn[0] == pytest.approx(list(clocks.loc["cold", ["seeds low", "seeds high"]]))
    assert drawn[2] == pytest.approx(list(clocks.loc["tuned", ["seeds low", "seeds high"]]))


def test_arms_stand_side_by_side_within_their_number_of_trials():
    drawn = reports.draw("speed-by-trials", tuned(a=[crosses(1)] * 3, c=[crosses(1)] * 3))
    first, second = [line.get_xdata() for line in drawn.axes[0].lines if len(line.get_xdata()) > 2]
    assert all(0 < b - a < 0.1 for a, b in zip(first, second, strict=True))
    assert [round(place) for place in first] == [0, 1, 2]


def test_bounds_and_who_did_not_get_there_are_said():
    results = tuned(a=[crosses(1), crosses(2), Run([0.1] * 6)])
    assert any(word.startswith("a: ≤ ") for word in words(reports.draw("speed-by-trials", results)))
    late, never = [Run([0.1] * 5 + [0.5])] * 3, [Run([0.1] * 6)] * 3
    arms = {"b": late, "a": never, "c": [crosses(1)] * 3}
    results = make(arms, trials={name: [TRIAL] for name in arms}, targets=[1.0])
    drawn = reports.draw("speed-by-trials", results)
    assert "a: not within the budget" in words(drawn)
    assert any(word.startswith("c: ≥ ") for word in words(drawn))
    figure = reports.figures.create("speed-by-trials")
    assert "a not within the budget" in figure.alt(results, figure.data(results))


def test_it_takes_tuning():
    results = make({"b": [crosses(4)] * 3, "a": [crosses(1)] * 3})
    with pytest.raises(InputError, match="with options that were tuned"):
        reports.draw("speed-by-trials", results)
    with pytest.raises(InputError, match="with options that were tuned"):
        reports.draw("speed-by-trials", make({"b": [crosses(4)] * 3}, trials={"b": [TRIAL]}))
