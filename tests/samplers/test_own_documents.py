"""Where queries stand in the corpus, none is a negative of its own."""

import numpy as np
import pytest

from bench import samplers
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.storage.artifacts import Artifacts
from bench.students.find import find_student
from bench.study.schema import Evaluation
from bench.training.evaluator import Evaluator
from tests.support.collections import append, rewrite, write_collection


@pytest.fixture(scope="module")
def labs(tmp_path_factory) -> dict[bool, Context]:
    """By whether identical ids are ignored: every train and dev query is a document too."""
    folder = write_collection(tmp_path_factory.mktemp("own") / "own", topics=12)
    append(folder / "corpus.jsonl", *(folder / "queries.jsonl").read_text().splitlines()[:9])
    artifacts = Artifacts(folder.parent / "artifacts")
    written = {"name": "folder", "path": str(folder)}
    return {
        ignored: Context(
            open_collection({**written, "ignore_identical_ids": ignored}, artifacts),
            artifacts,
            choose(),
        )
        for ignored in (False, True)
    }


def own_drawn(context: Context, written: str) -> int:
    """How many of many negatives are the query itself."""
    batch = samplers.create(written).prepare(context).batch(1, 0, 400)
    queries = context.collection.part("train").queries.id_list()
    documents = context.collection.documents.id_list()
    return sum(
        queries[query] == documents[document]
        for query, row in zip(batch.queries.tolist(), batch.negatives.tolist(), strict=True)
        for document in row
    )


@pytest.mark.parametrize("by", ["uniform", "bm25", "bi-encoder"])
def test_no_query_is_a_negative_of_its_own(labs, tiny_model, by):
    teacher = f"bi-encoder(model='{tiny_model}', max_length=16)"
    written = {
        "uniform": "uniform(negatives=4)",
        "bm25": "mined(last=3, negatives=2)",
        "bi-encoder": f'mined(by="{teacher}", last=3, negatives=2)',
    }[by]
    assert own_drawn(labs[False], written) > 0
    assert own_drawn(labs[True], written) == 0


def test_what_a_student_mines_holds_no_query_of_its_own(labs, tiny_model):
    student = find_student(str(tiny_model))
    for ignored, context in labs.items():
        towers = context.device.place(student.build(context))
        found = Evaluator(context, student, Evaluation()).mine(towers, 5).documents
        ids = np.array(context.collection.documents.id_list())[found]
        own = ids == np.array(context.collection.part("train").queries.id_list())[:, None]
        assert found.shape == (len(own), 5)
        assert own[:, 0].all() != ignored  # the same text is the nearest, whatever the weights
        assert own.any() != ignored


def test_a_ranking_less_the_query_is_as_deep_as_asked(labs, tiny_model):
    student = find_student(str(tiny_model))
    towers = labs[True].device.place(student.build(labs[True]))
    found = Evaluator(labs[True], student, Evaluation(depth=3)).rank(towers, "dev").documents
    assert found.shape == (2, 3)
    assert (found >= 0).all()


def test_a_fallback_to_uniform_draws_is_said(tmp_path, capsys):
    """BM25 has nothing for queries of unknown words: their negatives are drawn uniformly."""
    folder = write_collection(tmp_path / "mute", topics=12)
    rewrite(folder / "queries.jsonl", lambda row: row | {"text": f"苹果{row['_id']}"})
    artifacts = Artifacts(tmp_path / "artifacts")
    context = Context(open_collection(str(folder), artifacts), artifacts, choose())
    batch = samplers.create("mined(last=3)").prepare(context).batch(1, 0, 50)
    assert (batch.negatives >= 0).all()
    said = " ".join(capsys.readouterr().err.split())
    assert "negatives by bm25: it finds none for 7 of 7 train queries; theirs are drawn" in said
