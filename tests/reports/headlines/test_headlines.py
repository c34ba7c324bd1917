"""One sentence answers a study's question, and every number in it stands in a table."""

from dataclasses import replace

import pytest

from reports.analysis.quality import quality_table
from reports.analysis.retention import retention_table
from reports.analysis.sensitivity import bands_table, sweeps_table, transfer_table
from reports.formatting import decimals, fixed, measure, percents
from reports.headlines import KINDS, headline, headlines, quality, retention, sensitivity, shares
from tests.reports.analysis.test_claims import BASELINE, FASTER, _shares, bare
from tests.reports.analysis.test_sensitivity import _arm, _results, _sweep
from tests.reports.results_builder import Run, claiming, make


def _of(*tests):
    """Runs with these values of two queries."""
    return [Run([0.1, 0.5, 0.5], test={"test": values}) for values in tests]


ARMS = {
    "b": _of((0.50, 0.52), (0.51, 0.52), (0.52, 0.50)),
    "best": _of((0.80, 0.82), (0.81, 0.82), (0.82, 0.80)),
    "good": _of((0.70, 0.72), (0.71, 0.72), (0.72, 0.70)),
    "same": _of((0.50, 0.53), (0.52, 0.51), (0.51, 0.52)),
    "bad": _of((0.20, 0.22), (0.21, 0.22), (0.22, 0.20)),
}


def _between(row):
    """A difference with its interval, as rounded as that."""
    values = [row[name] for name in ("difference", "low", "high")]
    lead, low, high = (fixed(value, decimals(*values), sign=True) for value in values)
    return f"{lead} [{low}, {high}]"


def test_quality_tells_the_better_from_the_worse_and_names_the_most_extreme():
    results = make(ARMS)
    rows = quality_table(results).set_index("arm")
    best, bad = (_between(rows.loc[arm]) for arm in ("best", "bad"))
    assert quality.sentences(results) == [
        f"in nDCG@10 on test, best is better than b by {best}, and so, by less, is good",
        f"bad is worse than b by {bad}",
        "same cannot be told apart from b at 95 %",
    ]


def test_quality_of_a_single_seed_claims_nothing():
    results = make({arm: runs[:1] for arm, runs in ARMS.items()})
    (clause,) = quality.sentences(results)
    assert clause == "in nDCG@10 on test, no difference to b has an interval: too few seeds"


def test_retention_begins_with_the_arm_that_a_claim_is_about(study):
    arms = [
        {"name": "small", "level": 0.5, "parameters": 11_000_000},
        {"name": "large", "level": 0.7, "parameters": 55_000_000},
        {"name": "beaten", "level": 0.4, "parameters": 55_000_000},
    ]
    results = study(arms=arms, trials=0, baseline="large")
    assert [clause.split()[0] for clause in retention.sentences(results)] == ["small", "large"]
    claimed = claiming(results, {"arm": "beaten", "quantity": "retention", "at_least": 0.9})
    first, *others = retention.sentences(claimed)
    row = retention_table(claimed).set_index("arm").loc["beaten"]
    low = min(row["seeds low"], row["queries low"])
    high = max(row["seeds high"], row["queries high"])
    kept = percents(row["retention"], low, high)
    assert first == (
        f"beaten kept {kept} % of the "
        "nDCG@10 of teacher on test, with 0.5 of its parameters for a query"
    )
    assert len(others) == 2
    assert headline(claimed).startswith("On pydocs with this set-up, beaten kept")


def test_sensitivity_says_what_a_choice_is_worth_and_whether_it_travels(tmp_path):
    arms = [
        *_sweep([0.5, 0.6, 0.4], [0.5, 0.6, 0.4]),
        *_sweep([0.7, 0.6, 0.5], [0.7, 0.6, 0.5], student="large"),
        _arm("adaptive-margin", 0.58, 0.5),
    ]
    results = _results(tmp_path, arms)
    small, large, *rest = sensitivity.sentences(results)
    worst = sweeps_table(results)
    assert measure(worst.iloc[0]["worst regret"]) == "0.200"
    assert "nDCG@10 0.600 at the value that dev-select chose (0.2)" in small
    assert "drawn at random from the grid takes 0.100 and the worst 0.200" in small
    assert "nDCG@10 0.700 at the value that dev-select chose (0.1)" in large
    transfer, band = transfer_table(results), bands_table(results)
    assert len(rest) == len(transfer) + len(band)
    assert rest[0].startswith("the choice of small costs large +0.100 [")
    assert rest[-1].startswith(
        "“adaptive-margin + small” differs from the chosen value by −0.020 ["
    )


def test_shares_say_who_got_there_and_who_did_not():
    arms = _shares()
    (clause,) = shares.sentences(arms)
    # a has 0.5 on every share, with half of b's labels: 12.5 to 14.5 of b's 100 to 102.
    assert clause.startswith("a reached 99 % of the gain of b with 0.13")
    assert clause.endswith(" of its labels")
    lost = replace(arms, subsets={})
    assert shares.sentences(lost) == []


def test_an_answer_is_one_sentence_and_the_others_follow():
    results = make({"b": BASELINE, "a": FASTER})
    first, *others = headlines(results)
    assert first == headline(results)
    assert first.startswith("On pydocs with this set-up, a reached 99 % of the gain of b")
    assert first.endswith(".")
    assert first.count(". ") == 0
    assert len(others) == 1
    assert " on test, " in others[0]


@pytest.mark.parametrize("kind", ["quality", "reaching"])
def test_a_study_may_say_what_its_question_is_about(kind):
    results = make({"b": BASELINE, "a": FASTER}, answer=kind)
    assert headlines(results)[0].split(", ", 1)[1].startswith(KINDS[kind](results)[0])


def test_a_claim_says_what_the_question_is_about():
    results = make({"b": BASELINE, "a": FASTER})
    claimed = claiming(results, {"quantity": "cold-speed-up", "at_least": 3.0})
    assert "reached" in headline(claimed)
    timed = claiming(_shares(), {"quantity": "train-speed-up", "at_least": 1})
    assert "within the budget" in headline(timed)
    assert "of its labels" in headline(_shares())


def test_of_many_clauses_the_first_are_said():
    arms = {f"x{at}": [bare(at % 4 + 1, each=100 + at)] for at in range(9)}
    sentence = headline(make({"b": [bare(4)], **arms}))
    assert sentence.endswith("; 4 more are in the tables.")


def test_nothing_finished_answers_nothing(study):
    assert headline(study(arms=[{"name": "margin-mse", "failed": (1, 2, 3)}], trials=0)) == ""


def test_where_the_baseline_gains_nothing_no_share_is_said_to_miss_a_target():
    flat, rising = [Run([0.5, 0.4, 0.4])] * 3, [Run([0.1, 0.5, 0.6])] * 3
    arms = {"b": flat, "a": rising}
    results = make(arms, subsets={0.5: arms})
    assert shares.sentences(results) == []
    assert "gained nothing on dev-curve" in headline(results)


def test_labels_that_are_not_known_are_said_not_to_be():
    arms = {
        share: {"b": [bare(4)] * 3, "a": [Run([0.1] + [0.5] * 5)] * 3} for share in (0.25, 0.5, 1.0)
    }
    sentences = shares.sentences(
        make(arms[1.0], subsets={share: arms[share] for share in (0.25, 0.5)})
    )
    assert sentences == ["a reached 99 % of the gain of b, with labels that are not known"]


def test_arms_without_an_interval_are_named_too():
    results = make({**ARMS, "few": _of((0.9, 0.92), (0.91, 0.92))})
    assert quality.sentences(results)[-1] == "of few there is no interval: too few seeds"
