"""Which claims are lines in which figures, where, and what they are called."""

from dataclasses import replace

import pytest

import reports
from tests.reports.figure_legibility import illegible, words
from tests.reports.results_builder import Run, claiming, make

SOURCE = "arXiv 0000.00000, abstract"
CLAIMS = {
    "speed-up": {"quantity": "tuned-speed-up", "at_least": 3, "at_most": 15},
    "data-efficiency": {"quantity": "convergence", "at_most": 0.135},
    "data-fraction": {"quantity": "data-fraction", "at_most": 0.2},
}
NAMES = {
    "speed-up": f"tuned 3× to 15× ({SOURCE})",
    "data-efficiency": f"≤ 13.5 % ({SOURCE})",
    "data-fraction": f"≤ 20 % ({SOURCE})",
}


@pytest.fixture
def results():
    """All three figures have something to show of it."""

    def runs(point):
        curve = [0.1] * point + [0.5] * (6 - point)
        return [Run(curve, labels=100, test={"test": (0.5, end)}) for end in (0.5, 0.6, 0.7)]

    arms = {"b": runs(4), "a": runs(1), "c": runs(2)}
    trials = {arm: [[("train", "run", 5.0)]] for arm in arms}
    return make(arms, trials=trials, subsets={0.05: arms, 0.5: arms})


def lines(axes):
    """Where lines from the bottom to the top stand, but for the baseline's at 1."""
    found = {line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]}
    return sorted(found - {1.0})


@pytest.mark.parametrize("figure", CLAIMS)
def test_a_study_without_claims_has_no_lines(figure, results):
    drawn = reports.draw(figure, results)
    assert [lines(axes) for axes in drawn.axes] == [[] for _ in drawn.axes]
    named = {text.get_text() for legend in drawn.legends for text in legend.get_texts()}
    assert named <= {"a", "b", "c"}
    for axes in drawn.axes:
        assert axes.get_xlim()[1] < 15


@pytest.mark.parametrize("figure", CLAIMS)
def test_a_claim_is_a_line_at_its_bounds_with_its_value_and_source(figure, results):
    claim = CLAIMS[figure] | {"source": SOURCE}
    drawn = reports.draw(figure, claiming(results, claim))
    axes = drawn.axes[0]
    assert lines(axes) == [claim[end] for end in ("at_least", "at_most") if end in claim]
    left, right = axes.get_xlim()
    assert all(left < at < right for at in lines(axes))
    assert words(drawn).count(NAMES[figure]) == 1


@pytest.mark.parametrize("figure", CLAIMS)
def test_what_is_claimed_of_something_else_is_no_line(figure, results):
    others = [claim for name, claim in CLAIMS.items() if name != figure]
    others += [{"quantity": "retention", "at_least": 0.9}]
    drawn = reports.draw(figure, claiming(results, *others))
    assert lines(drawn.axes[0]) == []


def test_each_panel_has_its_own_claims(results):
    claimed = claiming(results, CLAIMS["data-efficiency"], CLAIMS["data-fraction"])
    examples, labels = reports.draw("data-efficiency", claimed).axes
    assert lines(examples) == [0.135]
    assert lines(labels) == [0.2]


def test_a_clock_that_is_not_shown_has_no_line(results):
    untuned = replace(results, summary=results.summary.query("role != 'tuning'"))
    drawn = reports.draw("speed-up", claiming(untuned, CLAIMS["speed-up"]))
    assert "tuned" not in words(drawn)
    assert lines(drawn.axes[0]) == []


def test_a_share_that_was_not_trained_has_no_line(results):
    claim = {"quantity": "data-fraction", "at_most": 0.01}
    drawn = reports.draw("data-fraction", claiming(results, claim))
    assert lines(drawn.axes[0]) == []
    assert not any("≤ 1 %" in text for text in words(drawn))


def test_another_arm_than_the_baseline_and_a_claim_without_a_source_are_named(results):
    claim = {"quantity": "train-speed-up", "at_least": 2, "says": "twice as fast"}
    for against, named in (("c", " against c"), ("b", ""), ("", "")):
        drawn = reports.draw("speed-up", claiming(results, claim | {"against": against}))
        assert f"train ≥ 2×{named} (twice as fast)" in words(drawn)


@pytest.mark.parametrize("style", reports.STYLES)
@pytest.mark.parametrize("figure", CLAIMS)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_claims_can_be_read(figure, style, results, hostile):
    claims = [CLAIMS[figure] | {"source": source} for source in (SOURCE, hostile, "x" * 300)]
    drawn = reports.draw(figure, claiming(results, *claims), style=style)
    assert illegible(drawn) == []
    assert any(hostile in text for text in words(drawn))
