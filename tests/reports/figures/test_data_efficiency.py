"""What an arm needs beside what the baseline needs, and how a bound is shown as one."""

import math

import pytest
from scipy import stats

import reports
from bench.errors import InputError
from tests.reports.figure_legibility import words
from tests.reports.results_builder import Run, make

BASELINE = Run([0.1, 0.1, 0.1, 0.5, 0.5])
"""There with 300 of 400 examples."""

FAST, SLOW, NEVER = Run([0.1, 0.6, 0.6, 0.6, 0.6]), BASELINE, Run([0.1, 0.2, 0.2, 0.2, 0.2])
AT_ONCE = Run([0.5, 0.5, 0.5, 0.5, 0.5])
SEEDS = 3


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    runs = (SLOW, FAST, NEVER, AT_ONCE)
    given = {name: [run] * SEEDS for name, run in zip(names, runs, strict=False)}
    return make(given, subsets={0.1: given, 0.5: given}, targets=[0.99, 0.5], quality=0.45)


def study(**arms):
    return make({"b": [BASELINE] * SEEDS, **arms}, targets=[1.0])


def rows(results):
    return reports.figures.create("data-efficiency").data(results).set_index("arm")


def test_ratios_are_the_arms_examples_to_the_baselines():
    slower = Run([0.1, 0.1, 0.5, 0.5, 0.5])
    row = rows(study(a=[FAST, FAST, slower])).loc["a"]
    assert (row["quantity"], row["reached"], row["bound"]) == ("examples", 3, "")
    assert row["ratio"] == pytest.approx((1 / 3 * 1 / 3 * 2 / 3) ** (1 / 3))
    logs = [math.log(share / 3) for share in (1, 1, 2)]
    # Welch's, where the other side has no variance.
    low, high = stats.t.interval(0.95, 2, sum(logs) / 3, stats.sem(logs))
    assert (row["low"], row["high"]) == pytest.approx((math.exp(low), math.exp(high)))
    assert row["over"] == "seeds"


def test_intervals_are_over_queries_too_where_these_are_recorded():
    def by_query(*curve):
        return Run([(value, value / 2) for value in curve])

    arm, baseline = (by_query(*run.dev) for run in (FAST, BASELINE))
    row = rows(make({"b": [baseline] * 3, "a": [arm] * 3}, targets=[1.0])).loc["a"]
    assert row["over"] == "seeds and queries"
    assert row["low"] <= row["ratio"] <= row["high"]


def test_symbols_of_bounds_are_open_and_say_which_way():
    results = study(a=[FAST, FAST, NEVER], c=[FAST] * 3, d=[NEVER] * 3)
    drawn = reports.draw("data-efficiency", results)
    symbols = {
        line.get_color(): (line.get_marker(), line.get_markerfacecolor())
        for line in drawn.axes[0].lines
        if line.get_marker() not in ("None", "")
    }
    looks = reports.style.looks(results)
    assert symbols[looks["a"].colour] == (">", "white")
    assert symbols[looks["c"].colour] == ("o", looks["c"].colour)
    assert symbols[looks["d"].colour] == (">", "white")
    said = words(drawn)
    assert "33.3 % (3/3)" in said
    assert "≥ 133.3 % (0/3)" in said
    assert "baseline (3/3)" in said


def test_who_never_got_there_is_said_once():
    never = Run([0.1, 0.1, 0.1, 0.1, 0.5])  # the baseline too: one point alone is not enough
    results = make({"b": [never] * 3, "a": [NEVER] * 3}, targets=[1.0, 0.9])
    said = words(reports.draw("data-efficiency", results))
    assert said.count("not within the budget (0/3)") == 1
    assert "baseline (0/3)" in said
    figure = reports.figures.create("data-efficiency")
    told = figure.alt(results, figure.data(results))
    assert "a, examples to 90 % of the gain: not within the budget." in told


def test_who_was_there_before_training_is_not_said_to_have_missed_it():
    said = words(reports.draw("data-efficiency", study(a=[AT_ONCE] * 3)))
    assert "3/3 there before training" in said


def test_labels_are_a_panel_of_their_own_with_the_baseline_in_it():
    def trained(end, labels):
        return Run([0.1, end], labels=labels)

    arms = {
        0.1: {"b": [trained(0.2, 10)] * 3, "a": [trained(0.5, 20)] * 3},
        0.5: {"b": [trained(0.3, 50)] * 3, "a": [trained(0.5, 50)] * 3},
        1.0: {"b": [trained(0.5, 100)] * 3, "a": [trained(0.5, 100)] * 3},
    }
    results = make(arms.pop(1.0), subsets=arms, targets=[1.0])
    data = reports.figures.create("data-efficiency").data(results)
    labels = data[data["quantity"] == "labels"].set_index("arm")
    assert labels.loc["a", "ratio"] == pytest.approx(0.2)
    drawn = reports.draw("data-efficiency", results)
    examples, shares = drawn.axes
    assert examples.get_xlim() == shares.get_xlim()
    assert "not on these shares (0/3)" in {text.get_text() for text in shares.texts}
    assert "b" in {text.get_text() for text in shares.texts}
    assert "b" not in {text.get_text() for text in examples.texts}


def test_a_wide_interval_does_not_flatten_the_others():
    spread = [Run([0.1, 0.5, 0.5, 0.5, 0.5], each=each) for each in (1, 100, 10_000)]
    results = study(a=spread)
    assert rows(results).loc["a", "high"] > 1000
    assert reports.draw("data-efficiency", results).axes[0].get_xlim()[1] < 10


@pytest.mark.parametrize("end", [0.1, 0.05])
def test_a_baseline_that_gains_nothing_leaves_nothing_to_draw(end):
    results = make({"b": [Run([0.1, end])] * 3, "a": [FAST] * 3})
    with pytest.raises(InputError, match="has a target to get to"):
        reports.draw("data-efficiency", results)
