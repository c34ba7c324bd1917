"""What bends a comparison is told: beforehand, in the study's folder, and in its report."""

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import tomli_w

from bench import losses
from bench.collections.base import Part
from bench.collections.open import open_collection
from bench.errors import InputError
from bench.execution.comparability import find_caveats, relevant_in_batch
from bench.results import load_results
from bench.storage.artifacts import Artifacts
from bench.study.arms import resolve_arms
from bench.study.schema import parse_study
from reports.analysis.base import Analysis
from reports.analysis.validity import warnings
from tests.support.collections import write_collection
from tests.support.command_line import call


def study(values, **changes):
    return parse_study({**values, "tuning": {}, **changes}, "test")


def find(asked, context):
    return find_caveats(asked, resolve_arms(asked), context.collection, {})


def crowded(collection, pairs):
    """The collection with these train pairs."""
    train = collection.part("train")
    judgements = np.array([(*pair, 1) for pair in pairs], dtype=np.int64)
    part = Part("train", train.queries, judgements)
    return replace(collection, parts={**collection.parts, "train": part})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_the_share_of_relevant_in_batch_negatives_is_that_of_all_batches(context, size):
    pairs = [(0, 0), (0, 1), (1, 0), (2, 2), (3, 3), (3, 4), (4, 5)]
    relevant = set(pairs)
    met = [
        any((query, other) in relevant for place, (_, other) in enumerate(batch) if place != at)
        for batch in combinations(pairs, min(size, len(pairs)))
        for at, (query, _) in enumerate(batch)
    ]
    found = relevant_in_batch(crowded(context.collection, pairs), size)
    assert found == pytest.approx(np.mean(met), abs=1e-12)


def test_in_batch_negatives_that_are_relevant_are_told_of_the_arms_that_have_them(
    context, toy_values
):
    arms = [{"loss": "infonce"}, {"loss": "infonce(negatives='triples')", "name": "triples"}]
    asked = study(toy_values, arms=arms, baseline="infonce")
    # Of the other examples of an epoch one has a positive that is relevant, and 7 are in the batch.
    share = 7 / (2 * len(context.collection.part("train").queries) - 1)
    assert (
        f"In random batches of 8, {100 * share:.3g} % of the examples meet another one's positive "
        "that is relevant for their own query; losses with in-batch negatives push it away "
        "(infonce)"
    ) in find(asked, context).warnings
    without = study(toy_values, arms=arms[1:], baseline="triples")
    assert not find(without, context).warnings


def test_batches_larger_than_the_train_queries_are_told(context, toy_values):
    number = len(context.collection.part("train").queries)
    for size, told in ((number, 0), (number + 1, 1)):
        asked = study(
            toy_values, training={"batch_size": size}, budget={"steps": 9}, arms=toy_values["arms"]
        )
        said = [line for line in find(asked, context).warnings if "larger than the" in line]
        assert len(said) == told, said


@pytest.mark.parametrize(
    ("loss", "teacher", "student", "told"),
    [
        ("margin-mse", "cross-encoder", "cosine", True),
        ("sum(parts=['infonce', 'margin-mse'])", "cross-encoder", "cosine", True),
        ("sum(parts=['infonce', 'margin-mse'], weights=[1, 0])", "cross-encoder", "cosine", False),
        ("score-mse", "bi-encoder(similarity='dot')", "cosine", True),
        ("margin-mse", "cross-encoder", "dot", False),
        ("margin-mse", "bi-encoder", "cosine", False),
        ("margin-mse(scale=0.5)", "bi-encoder", "cosine", True),
        ("list-kl", "cross-encoder", "cosine", False),
        ("margin-mse", "ensemble(teachers=['cross-encoder', 'bi-encoder'])", "cosine", True),
    ],
)
def test_targets_that_no_cosine_reaches_are_told(loss, teacher, student, told, toy_values, context):
    arm = {"name": "arm", "loss": loss, "teacher": teacher}
    asked = study(
        toy_values, arms=[arm], baseline="arm",
        defaults={"student": f"pretrained(similarity='{student}')"},
    )  # fmt: skip
    said = [line for line in find(asked, context).warnings if line.startswith("Arm 'arm':")]
    assert len(said) == told, said


@pytest.mark.parametrize(
    "loss",
    [
        "sum(parts=['infonce', 'triplet'], weights=[0, 0])",
        "relational(distance=0, angle=0)",
        "gram-match(vector=0, gram=0, order=0)",
    ],
)
def test_a_loss_whose_weights_are_all_zero_is_refused(loss):
    with pytest.raises(InputError, match="every weight is 0: nothing would be trained"):
        losses.create(loss)


def test_a_primary_measure_that_is_0_of_every_dev_query_is_refused(context, toy_values):
    asked = study(toy_values, measures=["RR(rel=2)@10"])
    with pytest.raises(InputError, match=r"primary RR\(rel=2\)@10: no document of dev is judged 2"):
        find(asked, context)


def test_it_is_refused_before_anything_is_written(toy_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, told = call(
        capsys, "run", str(toy_file), "--set", 'measures=["RR(rel=2)@10"]', "--out", "out"
    )
    assert code == 2, told
    assert not (tmp_path / "out").exists()


def test_a_threshold_of_what_is_no_test_is_refused(toy_values):
    with pytest.raises(InputError, match="relevance: 'tests' is none of the tests, did you mean"):
        study(toy_values, relevance={"tests": 2})
    assert "relevance" not in study(toy_values).to_toml()


@pytest.mark.slow
def test_it_is_told_by_plan_run_folder_and_report(tmp_path, capsys, toy_values, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_collection(tmp_path / "col")
    judged = folder / "qrels" / "test.tsv"
    judged.write_text(judged.read_text().replace("-0\t1", "-0\t2"))
    scores = [
        {"qid": f"q{topic}", "scores": {f"d{other}-{copy}": 12.5 if other == topic else -3.0
         for other in range(40) for copy in range(2)}}
        for topic in range(40)
    ]  # fmt: skip
    (tmp_path / "scores.jsonl").write_text("".join(json.dumps(one) + "\n" for one in scores))
    teacher = "precomputed(path='scores.jsonl', unknown='skip')"
    values = {
        **toy_values, "collection": str(folder), "tuning": {}, "seeds": [1],
        "measures": ["RR@10", "AP", "R(rel=2)@10"],
        "arms": [{"loss": "margin-mse", "name": "margin-mse", "teacher": teacher}],
    }  # fmt: skip
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    open_collection(str(folder), Artifacts(tmp_path / "results" / "artifacts"))

    code, planned, told = call(capsys, "plan", "toy.toml", "--out", "out")
    assert code == 0, told
    code, _, ran = call(capsys, "run", "toy.toml", "--out", "out", "--no-mlflow")
    assert code == 0, ran
    caveats = load_results("out").caveats
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    for line in (
        "AP: of the first 100 documents (the depth of a ranking), there being no cutoff",
        "RR@10, AP: grade 1 and more is relevant, and grades go up to 2 on test; RR(rel=2)@10 "
        "would count grade 2 and more",
    ):
        assert line in caveats.notes
        assert f"note: {line}" in planned
        assert f"note: {line}" in ran
        assert f"{line}." in page
    beforehand = "Arm 'margin-mse': its student's cosines allow margins of 2 at most"
    assert beforehand in planned
    assert beforehand in ran
    afterwards = "Arm 'margin-mse': its teacher's margins are 15.5 on average"
    assert afterwards in caveats.warnings[0]
    assert any(one.startswith(afterwards) for one in warnings(Analysis.of(load_results("out"))))
    assert sum("Arm 'margin-mse'" in one for one in caveats.warnings) == 1
