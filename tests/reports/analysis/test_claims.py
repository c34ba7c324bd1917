"""Verdicts: what may be said of numbers that are known by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bench.study.schema import Claim
from reports.analysis.claims import (
    NOT_SUPPORTED,
    SUPPORTED,
    UNDECIDED,
    _decide,
    reasons_for_doubt,
    verdicts,
)
from reports.analysis.data_fraction import fractions_table
from reports.analysis.retention import retention_table
from reports.analysis.speed import speed_table
from reports.analysis.statistics import Interval
from tests.reports.results_builder import PRIMARY, Run, claiming, make

POINTS = 6
HEADLINE = "99 % of the gain"


def crosses(point, points=POINTS, **options):
    """A run that goes from 0.1 to 0.5, on every query, and is there at this point."""
    return Run([[0.1] * 5] * point + [[0.5] * 5] * (points - point), **options)


def bare(point, **options):
    """The same without values by query."""
    return Run([0.1] * point + [0.5] * (POINTS - point), **options)


def never(**options):
    return crosses(POINTS, **options)


def of(results, *claims, matching="as in the paper"):
    """The verdicts on these claims, about convergence unless they say otherwise."""
    made = [{"quantity": "convergence", **one} for one in claims]
    return verdicts(claiming(results, *made, matching=matching))


BASELINE = [crosses(4), crosses(3), crosses(4)]
FASTER = [crosses(1), crosses(2), crosses(2)]


@pytest.fixture
def compared():
    return make({"b": BASELINE, "a": FASTER})


def _row(results, quantity="examples", arm="a", **options):
    table = speed_table(results, **options)
    rows = table[(table["target"] == HEADLINE) & (table["quantity"] == quantity)]
    return rows.set_index("arm").loc[arm]


@pytest.mark.parametrize(
    ("bound", "side", "limits"),
    [
        # The claim's value, and the verdict of [0.2, 0.4]: where it may be larger, up to infinity.
        ("", "at_least", {0.2: SUPPORTED, 0.3: UNDECIDED, 0.4: UNDECIDED, 0.41: NOT_SUPPORTED}),
        ("", "at_most", {0.4: SUPPORTED, 0.3: UNDECIDED, 0.2: UNDECIDED, 0.19: NOT_SUPPORTED}),
        ("≥", "at_least", {0.2: SUPPORTED, 0.3: UNDECIDED, 9.0: UNDECIDED}),
        ("≥", "at_most", {9.0: UNDECIDED, 0.3: UNDECIDED, 0.19: NOT_SUPPORTED}),
        ("≤", "at_least", {0.1: UNDECIDED, 0.3: UNDECIDED, 0.41: NOT_SUPPORTED}),
        ("≤", "at_most", {0.4: SUPPORTED, 0.3: UNDECIDED, 0.01: UNDECIDED}),
        ("~", "at_least", {0.01: UNDECIDED, 0.3: UNDECIDED, 9.0: UNDECIDED}),
        ("~", "at_most", {0.01: UNDECIDED, 0.3: UNDECIDED, 9.0: UNDECIDED}),
    ],
)
def test_a_verdict_takes_the_whole_interval_open_where_runs_were_censored(bound, side, limits):
    for limit, expected in limits.items():
        claim = Claim(says="s", arm="a", quantity="convergence", **{side: limit})
        assert _decide(claim, Interval(0.3, 0.2, 0.4), bound) == expected


@pytest.mark.parametrize(
    ("bound", "least", "most", "expected"),
    [
        ("", 0.2, 0.4, SUPPORTED),
        ("", 0.21, 0.9, UNDECIDED),
        ("", 0.1, 0.39, UNDECIDED),
        ("", 0.41, 0.9, NOT_SUPPORTED),
        ("", 0.1, 0.19, NOT_SUPPORTED),
        ("≥", 0.1, 0.9, UNDECIDED),
        ("≥", 0.1, 0.19, NOT_SUPPORTED),
        ("≤", 0.1, 0.9, UNDECIDED),
        ("~", 0.1, 0.9, UNDECIDED),
    ],
)
def test_of_a_range_both_ends_count(bound, least, most, expected):
    claim = Claim(says="s", arm="a", quantity="convergence", at_least=least, at_most=most)
    assert _decide(claim, Interval(0.3, 0.2, 0.4), bound) == expected


@pytest.mark.parametrize(
    ("bounds", "message"),
    [({}, "at_least, at_most or both"), ({"at_least": 3, "at_most": 3}, "must be less than")],
)
def test_a_claim_without_bounds_or_with_an_empty_range_is_refused(bounds, message):
    with pytest.raises(ValidationError, match=message):
        Claim.model_validate({"says": "s", "arm": "a", "quantity": "convergence", **bounds})


def test_a_claim_is_measured_as_the_table_of_speed_has_it(compared):
    row = _row(compared)
    low, high = row["low"], row["high"]
    assert low < row["ratio"] < high
    limits = [{"at_most": high}, {"at_most": low - 0.01}, {"at_most": row["ratio"]}]
    found = of(compared, *limits, {"at_least": low}, {"at_least": high + 0.01})
    expected = [SUPPORTED, NOT_SUPPORTED, UNDECIDED, SUPPORTED, NOT_SUPPORTED]
    assert [one.verdict for one in found] == expected
    assert {one.why for one in found} == {""}
    assert {one.value for one in found} == {Interval(row["ratio"], low, high)}


@pytest.mark.parametrize("clock", ["train", "warm", "cold", "tuned"])
def test_each_clock_has_its_own_speed_up(clock):
    teacher = (("prepare", "tokens", 30.0), ("read", "tokens", 5.0))
    arm = [crosses(1, bills=teacher), crosses(2), crosses(2)]
    trials = {"b": [[("train", "run", 100.0)]]}
    results = make({"b": BASELINE, "a": arm}, trials=trials)
    (found,) = of(results, {"quantity": f"{clock}-speed-up", "at_least": 1.0})
    row = _row(results, clock)
    assert found.value == Interval(row["ratio"], row["low"], row["high"])
    assert found.value.mean > 1


def test_where_a_run_never_got_there_the_value_is_a_bound():
    results = make({"b": BASELINE, "a": [crosses(1), crosses(2), never()]})
    low = _row(results)["low"]
    found = of(results, {"at_least": low}, {"at_most": 99.0}, {"at_most": low / 2})
    assert [(one.bound, one.verdict) for one in found] == [
        ("≥", SUPPORTED),
        ("≥", UNDECIDED),
        ("≥", NOT_SUPPORTED),
    ]


def test_a_claim_may_name_the_arm_compared_with():
    other = [crosses(2), crosses(2), crosses(3)]
    results = make({"b": BASELINE, "c": other, "a": FASTER})
    (found,) = of(results, {"against": "c", "at_most": 1.0})
    row = _row(results, baseline="c")
    assert found.value == Interval(row["ratio"], row["low"], row["high"])
    assert found.value.mean > _row(results)["ratio"]


def test_without_a_matching_set_up_there_are_numbers_and_no_verdict(compared):
    (found,) = of(compared, {"at_most": 1.0}, matching="")
    assert found.verdict == ""
    assert found.why == "the set-up is not declared to match the source's"
    assert found.value.mean == _row(compared)["ratio"]


def test_no_verdict_without_an_interval():
    two = make({"b": BASELINE[:2], "a": FASTER[:2]})
    without_queries = make({"b": [bare(4), bare(3), bare(4)], "a": [bare(1), bare(2), bare(2)]})
    for results in (two, without_queries):
        (found,) = of(results, {"at_most": 1.0})
        assert found.verdict == ""
        assert found.value.mean < 1
        assert "there is no interval over seeds and queries" in found.why


@pytest.mark.parametrize(
    ("arms", "claim", "expected"),
    [
        ({"a": [crosses(0)] * 3}, {}, "before any training"),
        ({"a": [never()] * 3, "c": [never()] * 3}, {"against": "c"}, "too few runs got to 99 %"),
        ({"a": FASTER}, {"against": "a"}, "not compared with itself"),
        ({"a": FASTER}, {"quantity": "data-fraction"}, "no smaller shares"),
        ({"a": FASTER}, {"quantity": "retention"}, "its teacher was not measured"),
    ],
)
def test_no_verdict_where_nothing_was_measured_and_why(arms, claim, expected):
    (found,) = of(make({"b": BASELINE, **arms}), {"at_most": 1.0, **claim})
    assert (found.verdict, math.isnan(found.value.mean)) == ("", True)
    assert expected in found.why


def test_a_decaying_schedule_has_no_speed_to_judge():
    results = make({"b": BASELINE, "a": FASTER}, schedule="linear")
    (found,) = of(results, {"at_most": 1.0})
    assert "decays" in found.why


def _shares():
    def runs(ends, labels):
        return [Run([[0.1] * 5, [end] * 5], labels=labels + at) for at, end in enumerate(ends)]

    arms = {
        share: {"b": runs([end] * 3, used), "a": runs([0.5] * 3, used / 2)}
        for share, end, used in ((0.25, 0.2, 25), (0.5, 0.3, 50), (1.0, 0.5, 100))
    }
    return make(arms[1.0], subsets={share: arms[share] for share in (0.25, 0.5)})


def test_a_data_fraction_is_of_the_baselines_labels():
    results = _shares()
    row = fractions_table(results).set_index(["target", "arm"]).loc[(HEADLINE, "a")]
    claims = [{"at_most": row["high"]}, {"at_most": row["low"] / 2}, {"at_most": row["fraction"]}]
    data = {"quantity": "data-fraction"}
    found = of(results, *({**data, **claim} for claim in claims), {**data, "at_least": 1.0})
    assert found[0].value == Interval(row["fraction"], row["low"], row["high"])
    assert [one.verdict for one in found] == [SUPPORTED, NOT_SUPPORTED, UNDECIDED, NOT_SUPPORTED]


@pytest.mark.parametrize("quantity", ["data-fraction", "retention"])
def test_what_is_not_compared_with_an_arm_of_choice_is_refused_so(quantity):
    claim = {"says": "s", "arm": "a", "against": "c", "quantity": quantity, "at_most": 1.0}
    with pytest.raises(ValidationError, match="not compared with an arm of choice"):
        Claim.model_validate(claim)


def test_retention_takes_both_intervals_and_hangs_on_no_target(study):
    results = study(arms=[{"name": "b"}, {"name": "a", "level": 0.7}], baseline="b", trials=0)
    falls = results.curves["arm"] == "b"
    results.curves.loc[falls, "nDCG@10"] -= 0.5 * results.curves.loc[falls, "point"]
    row = retention_table(results).set_index("arm").loc["a"]
    low, high = (
        choose(row[f"seeds {end}"], row[f"queries {end}"])
        for end, choose in (("low", min), ("high", max))
    )
    assert low < row["retention"] < high
    retention = {"quantity": "retention"}
    found = of(
        results,
        *({**retention, "at_least": limit} for limit in (low, low + 1e-6, high + 1e-6)),
        {"quantity": "convergence", "at_most": 1.0},
    )
    assert found[0].value == Interval(row["retention"], low, high)
    assert [one.verdict for one in found] == [SUPPORTED, UNDECIDED, NOT_SUPPORTED, ""]
    assert "gained nothing" in found[-1].why
    (found,) = of(
        replace(results, queries=results.queries.iloc[:0]), {**retention, "at_least": 0.5}
    )
    assert "no interval" in found.why


# -- doubts ----------------------------------------------------------------------------------------


def test_a_clear_gain_is_in_no_doubt(compared):
    assert list(reasons_for_doubt(compared)) == []


def test_a_baseline_that_falls_has_gained_nothing():
    falls = [Run([0.5, 0.5, 0.466])]
    results = make({"b-0.5": falls, "a": [Run([0.5, 0.5, 0.6])]})
    expected = (
        "The baseline b-0.5 has gained nothing: −0.034 on dev-curve from before training to the "
        "end. There is no target on its scale."
    )
    assert list(reasons_for_doubt(results)) == [expected]
    (found,) = of(results, {"at_most": 1.0})
    assert (found.verdict, found.why) == ("", expected)


def test_a_gain_that_seeds_do_not_agree_on_may_be_nothing():
    runs = [Run([0.1, 0.1, end]) for end in (0.6, 0.12, 0.11)]
    (found,) = reasons_for_doubt(make({"b": runs}))
    assert found.startswith("The baseline b may have gained nothing: +0.177 on dev-curve")
    assert "[−0.5" in found
    assert found.endswith("over seeds. Targets on its scale mean little.")


def test_a_gain_on_one_query_alone_may_be_nothing():
    runs = [Run([[0.1] * 5, [0.9, 0.1, 0.1, 0.1, 0.1]])] * 3
    (found,) = reasons_for_doubt(make({"b": runs}))
    assert "[+0.160, +0.160] over seeds, [0.000, " in found
    assert "over queries. Targets" in found


def _taught(results, teacher, of="b"):
    """The results with a teacher of that quality, the reference row of the arm's."""
    label = {"arm": "teacher", "role": "reference", "trial": -1, "seed": 0, "train_share": 1.0}
    point = {**label, "point": 0, PRIMARY: teacher, f"dev-select {PRIMARY}": teacher}
    summary = results.summary.assign(
        retention_of=np.where(results.summary["arm"] == of, "teacher", None)
    )
    curves = pd.concat([results.curves, pd.DataFrame([point])], ignore_index=True)
    return replace(results, summary=summary, curves=curves)


def test_a_teacher_below_the_best_student_leaves_no_verdict(compared):
    assert list(reasons_for_doubt(_taught(compared, 0.5))) == []
    (found,) = reasons_for_doubt(_taught(compared, 0.4))
    assert found.startswith("The teacher of the baseline (teacher) has 0.400 on dev-curve, less")
    (verdict,) = of(_taught(compared, 0.4), {"at_most": 1.0})
    assert (verdict.verdict, verdict.why) == ("", found)


def test_the_teacher_is_compared_with_the_best_arm_which_may_be_the_baseline():
    better = Run([[0.1] * 5] + [[0.7] * 5] * 2)
    worse = Run([[0.1] * 5] + [[0.5] * 5] * 2)
    (found,) = reasons_for_doubt(
        _taught(make({"b": [worse] * 3, "best, of all": [better] * 3}), 0.6)
    )
    assert "less than the students of “best, of all” with 0.700" in found
    (found,) = reasons_for_doubt(_taught(make({"b": [better] * 3, "a": [worse] * 3}), 0.6))
    assert "less than its own students with 0.700" in found


def test_another_arms_teacher_is_no_matter(compared):
    assert list(reasons_for_doubt(_taught(compared, 0.4, of="a"))) == []


def test_without_a_finished_baseline_there_is_nothing_to_doubt_or_tell():
    results = make({"b": [crosses(4, status="failed")], "a": FASTER})
    assert list(reasons_for_doubt(results)) == []
    (found,) = of(results, {"at_most": 1.0})
    assert found.verdict == ""
