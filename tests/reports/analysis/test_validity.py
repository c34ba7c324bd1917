"""Warnings: each where something is amiss, and none where nothing is (more in `test_page`)."""

from dataclasses import replace

import pandas as pd
import pytest

from bench.results import PACE
from bench.study.schema import Claim
from reports.analysis.validity import JUDGED, warnings
from tests.reports.results_builder import Run, make

ARMS = [{"name": "margin-mse"}, {"name": "b"}]


@pytest.fixture
def sound(study):
    """Two arms, three seeds: clocks on a quiet machine, judgements deep."""
    return _sound(study(arms=ARMS))


def _sound(results):
    summary = results.summary.assign(**dict.fromkeys(PACE, 0.5))
    return replace(results, summary=summary, queries=results.queries.assign(**{JUDGED: 0.9}))


def _paced(results, paces, **columns):
    """The results with these reference steps, (start, end) by arm and seed."""
    results.summary[list(PACE)] = 0.5
    for (arm, seed), pace in paces.items():
        run = (results.summary["arm"] == arm) & (results.summary["seed"] == seed)
        results.summary.loc[run, list(PACE)] = pace
        for name, value in columns.items():
            results.summary.loc[run, name] = value
    return warnings(results)


def test_nothing_amiss_no_noise(sound):
    assert warnings(sound) == []


def test_records_without_the_columns_are_no_crash_and_no_noise(sound):
    missing = ["environment", "stopped", "retention_of", *PACE]
    old = replace(
        sound,
        summary=sound.summary.drop(columns=missing),
        queries=sound.queries.drop(columns=JUDGED),
    )
    assert warnings(old) == []
    assert warnings(replace(sound, queries=pd.DataFrame())) == []
    assert warnings(replace(sound, summary=sound.summary.assign(**dict.fromkeys(PACE)))) == []


def test_names_with_commas_are_told_apart(study):
    arms = [{"name": "margin-mse, fine-tuned"}, {"name": "as it comes"}, {"name": "plain"}]
    found = warnings(study(arms=arms, seeds=[1], trials=0, baseline="margin-mse, fine-tuned"))
    assert found[0].startswith(
        "1 of 1 seeds done, fewer than 3: “margin-mse, fine-tuned”, “as it comes”, plain."
    )


def test_a_machine_that_was_loaded_while_a_run_was_timed(sound):
    (found,) = _paced(sound, {("b", 1): (0.5, 0.54), ("b", 2): (0.5, 0.56), ("b", 3): (0.55, 0.49)})
    assert found.startswith("The machine did other work while 2 of 6 final runs were timed")
    assert "took up to 1.12 times as long" in found
    assert found.endswith("Their seconds do not compare: b (seeds 2, 3).")
    (found,) = _paced(sound, {("margin-mse", 2): (0.46, 0.54)})
    assert found.endswith("margin-mse (seed 2).")
    assert "1.17 times" in found


def test_a_machine_that_was_slower_for_some_runs(sound):
    (found,) = _paced(sound, {("b", 3): (0.6, 0.6)})
    assert found == (
        "The machine was not equally fast for all final runs: a reference step took 1.20 times as "
        "long for b (seed 3) as for margin-mse (seed 1)."
    )


def test_other_machines_are_not_expected_to_be_as_fast(sound):
    found = _paced(sound, {("b", 3): (0.6, 0.6)}, environment="device H200, torch 2.13.0")
    assert len(found) == 1
    assert "different environments" in found[0]


def test_runs_without_a_pace_are_left_out_of_it(sound):
    found = _paced(sound, {("b", 1): (None, None), ("b", 2): (0.6, None), ("b", 3): (0.4, 0.5)})
    assert found[0].startswith("The machine did other work while 1 of 4 final runs")


@pytest.mark.parametrize(
    ("part", "seconds"),
    [("threads 4", True), ("machine arm64", True), ("cpus 8", True), ("numpy 9", False)],
)
def test_what_else_an_environment_differs_in(sound, part, seconds):
    place = sound.summary.index[sound.summary["role"] == "final"][-1]
    sound.summary.loc[place, "environment"] += f", {part}"
    (found,) = warnings(sound)
    assert f"({part})" in found
    assert ("seconds do not compare" in found) == seconds


def test_trials_on_another_machine_are_charged_and_so_warned_of(sound):
    place = sound.summary.index[sound.summary["role"] == "tuning"][0]
    sound.summary.loc[place, "environment"] = "device H200, torch 2.13.0"
    (found,) = warnings(sound)
    assert found.startswith("Runs were trained in different environments (device H200, device cpu")


def test_runs_that_failed_on_a_smaller_share_are_warned_of(study):
    whole, part = study(arms=ARMS), study(arms=[{"name": "margin-mse"}, {**ARMS[1], "failed": [2]}])
    found = warnings(replace(whole, subsets={0.135: part}))
    assert found == [
        "b (final, seed 2, 13.5 % of the train queries) failed: TrainingError: the <loss> is not "
        "finite"
    ]


def test_a_failed_trial_is_warned_of(sound):
    place = sound.summary.index[sound.summary["role"] == "tuning"][-1]
    summary = sound.summary.astype({"error": object})
    summary.loc[place, ["status", "error"]] = ["failed", "OutOfMemory"]
    assert warnings(replace(sound, summary=summary)) == ["b (tuning, trial 1) failed: OutOfMemory"]


def test_test_that_was_read_for_an_earlier_version(sound):
    (found,) = warnings(replace(sound, former=["x"]))
    assert found.startswith("Test was read before: 1 run in this folder")
    (found,) = warnings(replace(sound, former=["x", "y"]))
    assert found.startswith("Test was read before: 2 runs in this folder")


def test_shallow_judgements_are_warned_of_by_part(sound):
    queries = sound.queries
    queries.loc[queries["arm"] == "b", JUDGED] = 0.7
    (found,) = warnings(sound)
    assert "Judgements of test are shallow" in found
    assert "documents 10.0 to 30.0 % are unjudged" in found
    other = replace(sound, queries=queries.assign(part="fiqa", **{JUDGED: 0.25}))
    (found,) = warnings(other)
    assert "of fiqa are shallow" in found
    assert "documents 75.0 % are unjudged" in found


def test_references_do_not_make_judgements_shallow(sound):
    sound.queries.loc[sound.queries["role"] == "reference", JUDGED] = 0.0
    assert warnings(sound) == []


def test_unequal_budgets_are_listed(sound):
    sound.summary.loc[sound.summary["arm"] == "b", "examples"] = 900
    assert warnings(sound) == [
        "The arms were trained on unequal numbers of examples: margin-mse 1,000, b 900."
    ]


@pytest.mark.parametrize(("limit", "number"), [(0.5, 1), (0.001, 0), (99.0, 0)])
def test_a_claim_that_the_interval_overlaps_is_warned_of(limit, number):
    runs = {
        name: [Run([[0.1] * 5] * point + [[0.5] * 5] * (6 - point)) for point in points]
        for name, points in {"b": (4, 3, 4), "a, x": (1, 2, 2)}.items()
    }
    results = make(runs, matching="all of it")
    claim = Claim(says="half of it", arm="a, x", quantity="convergence", at_most=limit)
    claimed = results.study.model_copy(update={"claims": [claim]})
    summary = results.summary.assign(error=None)
    found = warnings(replace(results, study=claimed, summary=summary))
    overlaps = (
        "The interval of “a, x”'s convergence overlaps the claim (half of it): it is undecided."
    )
    assert found == [overlaps] * number
    comparison = claimed.comparison.model_copy(update={"matching": ""})
    claimed = claimed.model_copy(update={"comparison": comparison})
    assert warnings(replace(results, study=claimed, summary=summary)) == []


def test_a_doubtful_baseline_is_warned_of(sound):
    begun = sound.curves[sound.curves["point"] == 0].set_index(["arm", "role", "trial", "seed"])
    keys = pd.MultiIndex.from_frame(sound.curves[["arm", "role", "trial", "seed"]])
    flat = sound.curves.assign(**{"nDCG@10": begun["nDCG@10"].reindex(keys).to_numpy()})
    (found,) = warnings(replace(sound, curves=flat))
    assert found.startswith("The baseline margin-mse has gained nothing: 0.000 on dev-curve")


def test_a_teacher_below_the_best_student_is_warned_of(sound):
    taught = sound.curves["arm"] == "teacher"
    sound.curves.loc[taught, "nDCG@10"] = 0.3
    (found,) = warnings(sound)
    assert found.startswith("The teacher of the baseline (teacher) has 0.300 on dev-curve")


def test_an_arm_whose_curves_are_flat_is_warned_of(sound):
    curves = sound.curves.copy()
    columns = [name for name in curves if name.removeprefix("dev-select ") in sound.study.measures]
    own = curves["arm"] == "b"
    curves.loc[own, columns] = 0.5
    told = [one for one in _warned(sound, curves) if one.startswith("Nothing that is measured")]
    assert told == [
        "Nothing that is measured on dev changed while b was trained: it may have learnt nothing."
    ]
    curves.loc[own & (curves["seed"] == 1) & (curves["point"] == 1), columns[0]] = 0.6
    assert not [one for one in _warned(sound, curves) if one.startswith("Nothing that")]


def _warned(results, curves):
    return warnings(replace(results, curves=curves))
