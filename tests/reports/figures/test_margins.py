"""Quality over a swept option, with numbers known by hand."""

from dataclasses import replace

import numpy as np
import pytest

import reports
from tests.reports.figure_legibility import illegible, words
from tests.reports.results_builder import Run, make
from tests.support.study_writer import Arm, Plan, Writer

HALF = 4.302653 / 3**0.5
"""Of an interval over three seeds, in standard deviations."""


def case(folder, names):
    """Results on which the figure has something to show: these arms beside a sweep."""
    swept = {f"margin {value}": f"static-margin(margin={value})" for value in (0.1, 0.2, 0.4)}
    levels = (0.6, 0.5, 0.55, 0.4, 0.58, 0.62, 0.61)
    arms = [Arm(name, level) for name, level in zip([*names, *swept], levels, strict=False)]
    results = Writer(folder, Plan(arms=arms, baseline=names[0], trials=0)).write()
    loss = results.summary["arm"].map(swept).fillna("adaptive-margin")
    return replace(results, summary=results.summary.assign(loss=loss))


def _runs(test, select=0.5, spread=0.01, untrained=0):
    """Three seeds about a mean on test; of some of them point 0 is the best on dev-select."""
    return [
        Run((0.1, 0.2), select=(0.1, select) if seed >= untrained else (select, 0.1), test=values)
        for seed, values in enumerate({"test": (test + off,)} for off in (-spread, 0.0, spread))
    ]


def _swept(arms, losses, students=None):
    """A study of these arms: of each what its loss is, and its student."""
    results = make(arms)
    entries = {
        "loss": results.summary["arm"].map(losses),
        "student": results.summary["arm"].map(lambda arm: (students or {}).get(arm, "s")),
    }
    summary = results.summary.assign(**entries, teacher="none", sampler="u")
    return replace(results, summary=summary)


LOSSES = {f"m{value}": f"static-margin(margin={value})" for value in (0.1, 0.2, 0.4)}


@pytest.fixture
def sweep():
    """0.2 is best on dev-select and 0.4 on test; 0.4 was trained with one seed only, and 0.1 with
    none; an arm without the option lies in between."""
    arms = {
        "free": _runs(0.55, spread=0.02),
        "m0.4": _runs(0.60, select=0.6, untrained=2),
        "m0.1": _runs(0.40, select=0.5, untrained=3),
        "m0.2": _runs(0.50, select=0.7),
    }
    return _swept(arms, {"free": "adaptive-margin", **LOSSES})


def _data(results):
    return reports.figures.create("margins").data(results)


def _points(axes):
    """Of every symbol of a value its place, fill and size."""
    return [line for line in axes.lines if len(line.get_xdata()) == 1]


def test_values_bands_and_the_choice_are_known_by_hand(sweep):
    data = _data(sweep)
    swept = data[data["role"] == "swept"].set_index("value")
    assert swept["quality"].to_dict() == pytest.approx({0.1: 0.4, 0.2: 0.5, 0.4: 0.6})
    assert (swept["quality high"] - swept["quality"]).to_list() == pytest.approx([0.01 * HALF] * 3)
    assert swept["chosen"].to_dict() == {0.1: False, 0.2: True, 0.4: False}
    assert swept["untrained"].to_dict() == {0.1: 3, 0.2: 0, 0.4: 2}
    assert swept["arm"].to_dict() == {0.1: "m0.1", 0.2: "m0.2", 0.4: "m0.4"}
    (band,) = data[data["role"] == "band"].to_dict("records")
    assert band["arm"] == "free"
    assert band["quality"] == pytest.approx(0.55)
    assert band["quality low"] == pytest.approx(0.55 - 0.02 * HALF)


def test_the_drawing_has_them_where_they_are(sweep):
    drawn = reports.draw("margins", sweep)
    (axes,) = drawn.axes
    symbols = _points(axes)
    places = [(line.get_xdata()[0], round(line.get_ydata()[0], 6)) for line in symbols]
    assert places == [(0.1, 0.4), (0.2, 0.5), (0.2, 0.5), (0.4, 0.6)]
    fills = [(line.get_fillstyle(), line.get_markerfacecolor()) for line in symbols]
    assert fills[0] == ("full", "white")
    assert fills[2][1] == "none"
    assert fills[3][0] == "bottom"
    (area,) = axes.patches
    assert area.get_y() == pytest.approx(0.55 - 0.02 * HALF)
    assert area.get_height() == pytest.approx(0.04 * HALF)
    low, high = axes.get_ylim()
    assert low < 0.4 - 0.01 * HALF
    assert high > 0.6 + 0.01 * HALF
    assert axes.get_xlabel() == "margin"
    said = words(drawn)
    assert {"free", "best on dev-select", "untrained", "partly untrained"} <= set(said)
    assert "static-margin(margin=…)" in said


def test_the_description_says_what_was_chosen_and_what_was_untrained(sweep):
    said = reports.figures.create("margins").alt(sweep, _data(sweep))
    assert "at 0.2 (best on dev-select) 0.50" in said
    assert ", 3 of 3 seeds untrained" in said
    assert "free 0.55" in said


def test_students_have_panels_that_span_as_much_and_bands_of_one_colour():
    """The names of arms are without the student, whom the titles of the panels say."""
    arms, losses, students = {}, {}, {}
    for student, steep in (("large", 1.0), ("small", 0.1)):
        for value in (0.1, 0.2, 0.4):
            name = f"m{value} + {student}"
            arms[name] = _runs(0.4 + steep * value)
            losses[name], students[name] = f"static-margin(margin={value})", student
        free = f"free + {student}"
        arms[free], losses[free], students[free] = _runs(0.5), "adaptive-margin", student
    drawn = reports.draw("margins", _swept(arms, losses, students))
    first, second = drawn.axes
    assert np.ptp(first.get_ylim()) == pytest.approx(np.ptp(second.get_ylim()))
    assert np.ptp(first.get_ylim()) == pytest.approx(1.1 * (0.3 + 0.02 * HALF))
    assert words(drawn).count("free") == 2
    one, other = (axes.patches[0].get_facecolor() for axes in drawn.axes)
    assert one == other
    assert first.get_title("left").endswith("+ large")
    assert illegible(drawn) == []


@pytest.mark.parametrize(("values", "scale"), [((1, 2, 19.9), "linear"), ((1, 5, 20), "log")])
def test_values_far_apart_have_a_logarithmic_axis(values, scale):
    losses = {f"m{value}": f"static-margin(margin={value})" for value in values}
    drawn = reports.draw("margins", _swept({arm: _runs(0.5) for arm in losses}, losses))
    (axes,) = drawn.axes
    assert axes.get_xscale() == scale
    assert ("log scale" in axes.get_xlabel()) == (scale == "log")


def test_two_sweeps_in_a_panel_are_told_apart():
    losses = {
        f"{value} {in_batch}": f"static-margin(margin={value}, in_batch={in_batch})"
        for value in (0.1, 0.2, 0.4)
        for in_batch in ("true", "false")
    }
    arms = {arm: _runs(0.5 + 0.1 * arm.endswith("true")) for arm in losses}
    drawn = reports.draw("margins", _swept(arms, losses))
    (axes,) = drawn.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert len({line.get_color() for line in lines}) == 2
    assert len({line.get_marker() for line in lines}) == 2
    assert "static-margin(margin=…, in_batch=true)" in words(drawn)


def test_a_single_seed_has_points_without_intervals():
    arms = {arm: _runs(0.5)[:1] for arm in (*LOSSES, "free")}
    results = _swept(arms, {**LOSSES, "free": "adaptive-margin"})
    assert _data(results)[["quality low", "quality high"]].isna().all(axis=None)
    assert illegible(reports.draw("margins", results)) == []


def test_bands_alone_or_a_sweep_alone_can_be_asked_for(sweep):
    (axes,) = reports.draw("margins", sweep, arms=["free"]).axes
    assert not _points(axes)
    (axes,) = reports.draw("margins", sweep, arms=["m*"]).axes
    assert not axes.patches
