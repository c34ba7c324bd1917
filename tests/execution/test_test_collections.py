"""Tests on collections that no training and no choice sees."""

import json

import numpy as np
import pandas as pd
import pytest

import bench as public
from bench import students
from bench.collections.open import open_collection
from bench.context import Context
from bench.errors import InputError
from bench.evaluation.measures import per_query
from bench.execution.coordinator import Coordinator
from bench.execution.opening import open_context
from bench.storage.artifacts import Artifacts
from bench.study.schema import Evaluation, parse_study
from bench.training.evaluator import Evaluator
from tests.support.collections import write_collection
from tests.support.command_line import call


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory):
    """Other documents and queries, and no train part."""
    folder = write_collection(tmp_path_factory.mktemp("other") / "other", topics=24, seed=5)
    (folder / "qrels" / "train.tsv").unlink()
    return folder


@pytest.fixture
def elsewhere_values(toy_values, other_folder, tiny_model) -> dict:
    student = {"name": "pretrained", "model": str(tiny_model), "max_length": 32}
    teacher = {"name": "bi-encoder", "model": str(tiny_model), "max_length": 32}
    queries = f"pretrained(model='{tiny_model}', max_length=16)"
    documents = f"bi-encoder(model='{tiny_model}', max_length=32)"
    beside = {"name": "asymmetric", "queries": queries, "teacher": documents}
    return {
        **toy_values,
        "seeds": [1],
        "tuning": {},
        "test_collections": {"other": str(other_folder)},
        "arms": [
            {"loss": "margin-mse", "name": "margin-mse", "student": student, "teacher": teacher},
            {"loss": "infonce", "name": "beside", "student": beside},
        ],
    }


@pytest.fixture
def done(elsewhere_values, tmp_path):
    study = parse_study(elsewhere_values, "toy")
    outcome = Coordinator(study, tmp_path / "out", tmp_path / "artifacts", None).run()
    assert not outcome.failed
    return tmp_path / "out"


def test_every_row_is_measured_there_too(done, elsewhere_values, other_folder, capsys):
    results = public.load_results(done)
    rows = results.summary.query("role != 'tuning'")
    assert set(rows["arm"]) >= {"margin-mse", "beside", "bm25", "teacher"}
    assert rows["nDCG@10 (other)"].between(0, 1, inclusive="right").all()
    queries = results.queries.query("part == 'other'")
    assert set(queries["run"]) == set(rows["run"])
    # 24 topics, of which write_collection gives the last quarter to test.
    assert (queries.groupby("run").size() == 6).all()
    means = queries.groupby("run")["RR@10"].mean()
    assert np.allclose(means[rows["run"]].to_numpy(), rows["RR@10 (other)"].to_numpy())

    # The exported student, evaluated there by itself, gives the number of the table.
    for arm in ("margin-mse", "beside"):
        folder = done.parent / arm
        code, _, told = call(capsys, "export", str(done), arm, "--to", str(folder))
        assert code == 0, told
        artifacts = ["--artifacts", str(done.parent / "fresh")]
        asked = ["evaluate", str(folder), "--collection", str(other_folder), "--json"]
        code, output, told = call(capsys, *asked, "--measures", "nDCG@10", *artifacts)
        assert code == 0, told
        (row,) = results.summary.query("arm == @arm and role == 'final'").itertuples(index=False)
        column = results.summary.columns.get_loc("nDCG@10 (other)")
        assert json.loads(output)["nDCG@10"] == pytest.approx(row[column], abs=1e-6)


def test_stored_documents_elsewhere_are_the_teachers(elsewhere_values, other_folder, tmp_path):
    """By a lab whose only collection is the other one, and the teacher as a student."""
    context = open_context(parse_study(elsewhere_values, "toy"), Artifacts(tmp_path / "artifacts"))
    student = students.create(elsewhere_values["arms"][1]["student"])
    towers = student.build(context)
    (own, there) = context.tests(["test", "other"])
    assert (own.context, own.parts) == (context, {"test": "test"})
    assert there.parts == {"other": "test"}
    positions = np.arange(len(there.context.collection.documents))
    stored = towers.stored.of(there.context.collection).at(positions)
    alone = Context(there.context.collection, context.artifacts, context.device)
    teacher = elsewhere_values["arms"][0]["teacher"]
    plain = students.create({**teacher, "name": "pretrained"})
    index = Evaluator(alone, plain, Evaluation()).indexed(plain.build(alone))
    assert np.allclose(stored, index.numpy(), atol=1e-6)
    ranking = Evaluator(there.context, student, Evaluation()).rank(towers, "test")
    measured = per_query(there.context.collection.part("test"), ranking, ["nDCG@10"])
    assert measured["nDCG@10"].mean() > 0


def test_choices_do_not_see_it(done, elsewhere_values, tmp_path):
    """Dropping it, or asking for it later, changes no number but its own."""
    without = {**elsewhere_values, "test_collections": {}}
    study = parse_study(without, "toy")
    Coordinator(study, tmp_path / "without", tmp_path / "artifacts", None).run()
    curves = [
        pd.read_csv(folder / "curves.csv").drop(columns="train_seconds")
        for folder in (done, tmp_path / "without")
    ]
    assert curves[0].equals(curves[1])
    named = [pd.read_csv(folder / "summary.csv") for folder in (done, tmp_path / "without")]
    assert named[0]["nDCG@10"].equals(named[1]["nDCG@10"])


def test_a_run_is_replayed_with_it(done, capsys):
    code, _, told = call(
        capsys,
        *("replay", str(done), "beside", "0", "1"),
        *("--artifacts", str(done.parent / "artifacts")),
    )
    assert code == 0, told
    assert "every number is the same" in told


def test_a_pair_that_serves_training_is_refused(elsewhere_values, collection_folder, tmp_path):
    folder = tmp_path / "renamed"
    write_collection(folder)
    corpus = (folder / "corpus.jsonl").read_text().replace('"_id": "d', '"_id": "x')
    (folder / "corpus.jsonl").write_text(corpus)
    train = (folder / "qrels" / "train.tsv").read_text().replace("\td", "\tx")
    (folder / "qrels" / "train.tsv").unlink()
    (folder / "qrels" / "test.tsv").write_text(train)
    values = {**elsewhere_values, "test_collections": {"renamed": str(folder)}}
    with pytest.raises(InputError, match=r"test_collections.renamed: \d+ of its judged pairs are"):
        open_context(parse_study(values, "toy"), Artifacts(tmp_path / "artifacts"))
    # The same queries with other documents are no leak.
    corpus = corpus.replace('"text": "', '"text": "other ')
    (folder / "corpus.jsonl").write_text(corpus)
    open_context(parse_study(values, "toy"), Artifacts(tmp_path / "artifacts"))


def test_it_needs_a_test_part(elsewhere_values, other_folder, tmp_path):
    written = {"name": "folder", "path": str(other_folder), "test": "nowhere"}
    values = {**elsewhere_values, "test_collections": {"other": written}}
    with pytest.raises(InputError, match="nowhere"):
        open_context(parse_study(values, "toy"), Artifacts(tmp_path / "artifacts"))


def test_open_collection_is_shared(elsewhere_values, other_folder, tmp_path):
    artifacts = Artifacts(tmp_path / "artifacts")
    context = open_context(parse_study(elsewhere_values, "toy"), artifacts)
    opened = open_collection(str(other_folder), artifacts)
    assert context.fingerprints(["test", "other"]) == {
        "test": context.collection.fingerprint,
        "other": opened.fingerprint,
    }
