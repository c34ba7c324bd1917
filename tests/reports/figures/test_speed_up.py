"""Bars of the headline's speed-ups, and what is written where there can be none."""

import pytest

import reports
from bench.errors import InputError
from tests.reports.figure_legibility import words
from tests.reports.results_builder import Run, make

TEACHER = (("prepare", "embeddings", 60.0),)


def crosses(point, **options):
    """A run that goes from 0.1 to 0.5 and is there at this evaluation point of six."""
    return Run([0.1] * point + [0.5] * (6 - point), **options)


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    baseline = [crosses(4, bills=TEACHER)] * 3
    others = [[crosses(1 + index), crosses(2), crosses(3)] for index in range(len(names) - 1)]
    others[-1] = [Run([0.1] * 6)] * 3
    arms = dict(zip(names, [baseline, *others], strict=True))
    return make(arms, trials={name: [[("train", "run", 5.0)]] for name in names})


def drawn_of(arm, baseline=(4, 4, 4), **options):
    seeds = [crosses(point, bills=TEACHER) if point else Run([0.1] * 6) for point in baseline]
    return reports.draw("speed-up", make({"b": seeds, "a": arm}, targets=[1.0], **options))


def bars(drawn):
    """By clock, where each bar ends."""
    (axes,) = drawn.axes
    clocks = [label.get_text() for label in axes.get_yticklabels()]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    return dict(zip(clocks, ends, strict=True))


def test_bars_are_the_baselines_seconds_by_the_arms():
    """40 s of training after 60 of a teacher, against 20 s; one trial of 5 s each."""
    trial = [[("train", "run", 5.0)]]
    drawn = drawn_of([crosses(2)] * 3, trials={"b": trial, "a": trial})
    assert bars(drawn) == pytest.approx({"train": 2, "warm": 2, "cold": 5, "tuned": 105 / 25})
    assert {"2×", "5×", "4.2×", "b (baseline)", "3/3 there"} <= set(words(drawn))


def test_there_is_no_tuned_bar_where_nothing_was_tuned():
    assert list(bars(drawn_of([crosses(2)] * 3))) == ["train", "warm", "cold"]


def test_the_line_at_one_is_always_in_sight():
    drawn = drawn_of([crosses(2)] * 3)
    left, right = drawn.axes[0].get_xlim()
    assert left < 1 < right
    assert "1×" in words(drawn)


def test_whiskers_are_the_tables_intervals():
    results = make({"b": [crosses(4)] * 3, "a": [crosses(1), crosses(2), crosses(2)]})
    data = reports.figures.create("speed-up").data(results).set_index("quantity")
    assert set(data["over"]) == {"seeds"}  # values by query are not recorded
    (axes,) = reports.draw("speed-up", results).axes
    whisker = next(line for line in axes.lines if line.get_marker() == "|")
    assert whisker.get_linestyle() == ":"
    assert list(whisker.get_xdata()) == pytest.approx(
        list(data.loc["train", ["seeds low", "seeds high"]])
    )


@pytest.mark.parametrize(
    ("arm", "baseline", "bound", "marker"),
    [((2, 2, None), (4, 4, 4), "≤", "<"), ((2, 2, 2), (4, 4, None), "≥", ">")],
)
def test_bounds_have_their_sign_and_point_where_the_truth_is(arm, baseline, bound, marker):
    drawn = drawn_of([crosses(point) if point else Run([0.1] * 6) for point in arm], baseline)
    assert any(word.startswith(bound) for word in words(drawn))
    assert marker in {line.get_marker() for line in drawn.axes[0].lines}


def test_who_did_not_get_there_is_said():
    """50 s of training were not enough, to 40 of the baseline's; cold, those were 100."""
    never = drawn_of([Run([0.1] * 6)] * 3)
    assert bars(never) == pytest.approx({"train": 0.8, "warm": 0.8})
    assert {"not within the budget", "≤ 0.8×", "0/3 there"} <= set(words(never))
    neither = make({"b": [Run([0.1] * 5 + [0.5])] * 3, "a": [Run([0.1] * 6)] * 3})
    drawn = reports.draw("speed-up", neither)
    assert not drawn.axes[0].patches
    assert words(drawn).count("0/3 there") == 2
    assert "not within the budget" in words(drawn)


def test_without_a_target_there_is_nothing_to_draw():
    flat = make({"b": [Run([0.1] * 6)] * 3, "a": [crosses(1)] * 3}, quality=0.5)
    with pytest.raises(InputError, match="has a target to get to"):
        reports.draw("speed-up", flat)


def test_who_was_there_before_training_is_said():
    """0 s of training and of reading; 10 s of preparing against 60 and four points of 10."""
    drawn = drawn_of([Run([0.5] * 6, bills=(("prepare", "x", 10.0),))] * 3)
    assert words(drawn).count("3/3 there before training") == 2
    (bar,) = drawn.axes[0].patches
    assert bar.get_x() + bar.get_width() == pytest.approx(10)


def test_a_wide_interval_does_not_flatten_the_bars():
    seeds = [crosses(1, seconds=seconds) for seconds in (0.1, 10.0, 1000.0)]
    results = make({"b": [crosses(4)] * 3, "a": seeds})
    data = reports.figures.create("speed-up").data(results)
    _, right = reports.draw("speed-up", results).axes[0].get_xlim()
    assert max(data["ratio"]) == pytest.approx(4)
    assert 4 < right < 60 < 1000 < min(data["shown high"])


def test_it_says_all_ratios():
    results = make({"b": [crosses(4)], "a": [crosses(2)], "c, d": [Run([0.1] * 6)]})
    figure = reports.figures.create("speed-up")
    said = figure.alt(results, figure.data(results))
    assert "a, train 2 ×" in said
    assert "“c, d”, cold ≤ 0.8 ×" in said
