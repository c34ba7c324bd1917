"""Who reached what the baseline reached: said of numbers that are known by hand."""

import pytest

from reports.formatting import ratio, spanned
from reports.headlines.reaching import sentences
from tests.reports.analysis.test_claims import BASELINE, FASTER, HEADLINE, _row, bare, crosses
from tests.reports.results_builder import Run, make


@pytest.fixture
def compared():
    return make({"b": BASELINE, "a": FASTER})


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_without_runs_of_the_baseline_or_a_curve_that_counts_there_is_nothing_to_say(schedule):
    failed = {"b": [crosses(4, status="failed")], "a": FASTER}
    arms = failed if schedule == "constant" else {"b": BASELINE, "a": FASTER}
    assert sentences(make(arms, schedule=schedule)) == []


def test_a_clause_an_arm_by_hand():
    """b is there after 400 examples and 40 s, a after 100, 10 s and 10 s of artifacts."""
    arm = [bare(1, bills=(("prepare", "tokens", 10.0),))]
    assert sentences(make({"b": [bare(4)], "a": arm, "c": [bare(5)]})) == [
        f"a reached {HEADLINE} of b with 0.25 of its examples and in 0.5 of its time with "
        "everything charged",
        "c did not get to it within the budget",
    ]


def test_arms_of_which_the_same_is_true_share_a_clause():
    names = [f"x{number}" for number in range(7)]
    arms = {"b": [bare(4)], "c": [bare(5)], **{name: [bare(5)] for name in names}, "a": [bare(1)]}
    first, second = sentences(make(arms))
    assert first.startswith(f"a reached {HEADLINE} of b")
    assert second == ("c, x0, x1, x2, x3 and 3 more did not get to it within the budget")
    _, second = sentences(make({name: arms[name] for name in ("b", "c", "x0", "a")}))
    assert second.startswith("c and x0 did not get to")


def test_a_clause_has_the_intervals_of_the_table_of_speed(compared):
    examples, cold = _row(compared), _row(compared, "cold")
    share = spanned(*(examples[name] for name in ("ratio", "low", "high")))
    time = spanned(*(1 / cold[name] for name in ("ratio", "high", "low")))
    (clause,) = sentences(compared)
    assert clause == (
        f"a reached {HEADLINE} of b with {share} of its examples and in {time} of its time with "
        "everything charged"
    )
    by_hand = (100 * 200 * 200 / (400 * 300 * 400)) ** (1 / 3)
    assert float(share.split()[0]) == pytest.approx(by_hand, abs=0.005)


def _told(baseline, arm, **options):
    """Of the arm, and where there is something to say of the baseline, that."""
    clause, *beside = sentences(make({"b": baseline, "a": arm}, **options))
    return "; ".join([clause.removeprefix("a "), *beside])


def _interval(results):
    """What the table of speed has of a's examples, over seeds alone."""
    row = _row(results)
    return f"{spanned(row['ratio'], row['seeds low'], row['seeds high'])} over seeds alone"


def test_a_baseline_that_did_not_always_get_there_is_at_least_that_slow():
    told = _told([bare(4), bare(4), bare(5)], [bare(2)] * 3)
    # Its third run holds 0.5 at its last point alone: 500 examples are a lower bound of it.
    share = float(ratio(200 / (400 * 400 * 500) ** (1 / 3)))
    interval = _interval(make({"b": [bare(4), bare(4), bare(5)], "a": [bare(2)] * 3}))
    assert interval.startswith(f"{share:.2f} [")
    assert told == (
        f"reached {HEADLINE} of b with at most {interval} of its examples and in at most "
        f"{interval} of its time with everything charged; b itself got there with 2 of 3 seeds"
    )


def test_an_arm_that_did_not_always_get_there_is_at_least_that_slow():
    told = _told([bare(2)] * 3, [bare(4), bare(4), bare(5)])
    interval = _interval(make({"b": [bare(2)] * 3, "a": [bare(4), bare(4), bare(5)]}))
    assert interval.startswith(f"{(400 * 400 * 500) ** (1 / 3) / 200:.1f} [")
    assert told == (
        f"reached {HEADLINE} of b with 2 of 3 seeds, with at least {interval} of its examples and "
        f"in at least {interval} of its time with everything charged"
    )


def test_a_baseline_that_never_got_there_is_said():
    told = _told([bare(5)] * 3, [bare(2)] * 3)
    exactly = "0.4 [0.4, 0.4] over seeds alone"
    assert told.startswith(f"reached {HEADLINE} of b with at most {exactly} of its examples")
    beside = "b itself was never there at two evaluation points in a row, so that ratios are bounds"
    assert told.endswith(beside)
    told = _told([bare(5)] * 3, [bare(5)] * 3)
    assert told == f"did not get to {HEADLINE} of b within the budget; {beside}"


def test_runs_of_both_that_never_got_there_leave_no_ratio():
    told = _told([bare(3), bare(5)], [bare(2), bare(5)])
    assert told == (
        f"reached {HEADLINE} of b with 1 of 2 seeds (too few in time for a ratio); b itself got "
        "there with 1 of 2 seeds"
    )


def test_examples_may_have_a_ratio_where_seconds_have_none():
    """All of a's runs are there, but with its artifacts later than b's censored run has ended."""
    costly = [bare(2, bills=(("prepare", "embeddings", 100.0),))] * 2
    told = _told([bare(3), bare(5)], costly)
    share = ratio(200 / (300 * 500) ** 0.5)
    assert told == (
        f"reached {HEADLINE} of b with at most {share} of its examples and in an unknown share of "
        "its time with everything charged; b itself got there with 1 of 2 seeds"
    )


def test_an_arm_that_begins_there_is_said_to():
    assert _told([bare(3)] * 2, [bare(0)] * 2) == f"had {HEADLINE} of b before any training"
    assert _told([bare(3)] * 2, [bare(0), bare(2)]) == (
        f"reached {HEADLINE} of b, with 1 of 2 seeds before any training (no ratio)"
    )


def test_runs_that_patience_ended_are_not_said_to_have_had_their_budget():
    stopped = [bare(5), bare(5, stopped="patience")]
    assert _told([bare(3)] * 2, stopped) == (
        f"did not get to {HEADLINE} of b within the budget, which patience cut short with 1 of 2 "
        "seeds"
    )


def test_where_the_baseline_gains_nothing_no_arm_fell_short_of_it():
    (clause,) = sentences(make({"b": [Run([0.5, 0.4, 0.3])], "a": [bare(2)], "c": [bare(2)]}))
    assert clause == (
        "b gained nothing on dev-curve by the end of its budget: there is no target on its "
        "scale, and no arm is faster or slower to it"
    )


def test_a_name_with_commas_or_spaces_is_quoted():
    names = ("margin-mse, fine-tuned", "margin-mse, as it comes", "plain")
    results = make(dict(zip(names, [[bare(4)], [bare(1)], [bare(5)]], strict=True)))
    first, second = sentences(results)
    assert first.startswith(
        f"“margin-mse, as it comes” reached {HEADLINE} of “margin-mse, fine-tuned” with 0.25"
    )
    assert second.startswith("plain did not get to it")


def test_clauses_are_of_the_first_target():
    results = make({"b": [bare(4)], "a": [bare(1)]}, targets=[0.5, 1.0], quality=0.2)
    assert len(sentences(results)) == 1
    assert "50 % of the gain" in sentences(results)[0]
