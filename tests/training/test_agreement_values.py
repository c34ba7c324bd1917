"""How near a student is to its teacher, by plain numpy and by scipy."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from bench import students, teachers
from bench.encoding.encoder import encode
from bench.encoding.text_embedding import embed
from bench.evaluation.ranking import Ranking, to_frame
from bench.results import AGREEMENT
from bench.storage.records import RunFolder
from bench.study.schema import Evaluation
from bench.training.evaluator import Evaluator
from bench.training.teacher_agreement import agreement, compare_with_teacher
from bench.training.teacher_agreement import embedding_error as error_of

# -- rankings --------------------------------------------------------------------------------------


def as_ranking(documents: np.ndarray) -> Ranking:
    return Ranking(documents, np.zeros(documents.shape, dtype=np.float32))


def by_scipy(ours: list[int], theirs: list[int]) -> tuple[float, float] | None:
    """(overlap, τ_b) of one query; nothing where the teacher has found fewer than two."""
    first = [document for document in theirs[:10] if document >= 0]
    if len(first) < 2:
        return None
    overlap = len(set(first) & set(ours[:10])) / len(first)
    ranks = [ours.index(document) if document in ours else len(ours) for document in first]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tau = kendalltau(np.arange(len(first)), ranks, variant="b").statistic
    return overlap, 0.0 if np.isnan(tau) else tau


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    documents=st.integers(2, 60),
    depths=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    missing=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_agreement_is_scipys(seed, documents, depths, missing):
    draw = np.random.default_rng(seed)
    found = []
    for depth in depths:
        rows = np.array([draw.permutation(documents)[:depth] for _ in range(7)])
        kept = draw.binomial(rows.shape[1], 1 - missing, size=(7, 1))
        found.append(np.where(np.arange(rows.shape[1]) < kept, rows, -1))  # -1 only at the end
    queries = np.sort(draw.choice(7, size=5, replace=False))
    each = [by_scipy(*(rows[query].tolist() for rows in found)) for query in queries]
    each = [pair for pair in each if pair]
    if each:
        wanted = np.mean(each, axis=0)
        assert agreement(*map(as_ranking, found), queries) == pytest.approx(wanted, abs=1e-12)


def test_agreement_by_hand():
    theirs = np.arange(12)[None]
    both = np.array([0])

    def of(row: list[int]) -> tuple[float, float]:
        return agreement(as_ranking(np.array([row])), as_ranking(theirs), both)

    assert of(list(range(12))) == (1, 1)
    assert of(list(range(11, -1, -1))) == (0.8, -1)
    assert of(list(range(20, 32))) == (0, 0)  # none of them: τ_b is 0 by 0
    # Nine of ten at the last rank: the pairs with the first are 9 of 45, √(45 · 9) below.
    assert of([0, *range(20, 31)]) == pytest.approx((0.1, 9 / np.sqrt(45 * 9)))
    assert of([*range(20, 31), 0]) == pytest.approx((0, 9 / np.sqrt(45 * 9)))


def test_queries_of_which_the_teacher_says_nothing_are_left_out():
    theirs = np.array([[0, 1, 2], [5, -1, -1], [-1, -1, -1]])
    ours = np.array([[0, 1, 2], [7, 8, 9], [7, 8, 9]])
    assert agreement(as_ranking(ours), as_ranking(theirs), np.arange(3)) == (1, 1)


def test_the_curve_gets_both_columns_once(context, tmp_path):
    draw = np.random.default_rng(0)
    total, count = len(context.collection.documents), len(context.collection.part("dev").queries)

    def folder(name: str, points: int) -> RunFolder:
        made = RunFolder(tmp_path / name)
        rows = [
            to_frame(as_ranking(np.array([draw.permutation(total)[:20] for _ in range(count)])), at)
            for at in range(points)
        ]
        made.write_table("rankings", pd.concat(rows, ignore_index=True))
        made.write_table("curve", pd.DataFrame({"point": range(points), "RR@10": 0.5}))
        return made

    run, teacher = folder("run", 3), folder("teacher", 1)
    compare_with_teacher(run, teacher, context)
    curve = run.table("curve")
    assert curve.columns.tolist() == ["point", "RR@10", *AGREEMENT]
    theirs = teacher.table("rankings")["documents"]
    for point, rows in run.table("rankings").groupby("point"):
        ours = rows.sort_values("query")["documents"].tolist()
        each = [
            by_scipy(ours[query].tolist(), theirs[query].tolist())
            for query in context.collection.dev_halves()["dev-curve"]
        ]
        assert curve.loc[point, list(AGREEMENT)].tolist() == pytest.approx(np.mean(each, axis=0))
    written = (run.path / "curve.parquet").stat().st_mtime_ns
    compare_with_teacher(run, teacher, context)
    assert (run.path / "curve.parquet").stat().st_mtime_ns == written
    compare_with_teacher(teacher, teacher, context)
    assert teacher.table("curve")[list(AGREEMENT)].to_numpy().tolist() == [[1, 1]]


# -- vectors ---------------------------------------------------------------------------------------


def embedding_error(student, teacher, context, disturb: float = 0.0):
    """Of a student as it comes, its weights moved a little."""
    towers = student.build(context).to(context.device.torch)
    if disturb:
        torch.manual_seed(1)
        with torch.no_grad():
            for value in towers.parameters():
                value += disturb * torch.randn_like(value)
    found = error_of(towers, student, Evaluator(context, student, Evaluation()), teacher, context)
    return found, towers


def held_out(context) -> tuple[list[str], list[str]]:
    """Texts of the dev-curve queries, and of the documents relevant for any of them."""
    dev, curve = context.collection.part("dev"), context.collection.dev_halves()["dev-curve"]
    wanted = set(curve.tolist())
    relevant = {document for query, document in dev.relevant().tolist() if query in wanted}
    return dev.queries.take(curve), context.collection.documents.take(sorted(relevant))


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_errors_are_mean_distances_of_the_vectors_as_compared(similarity, context, tiny_model):
    options = {"model": str(tiny_model), "max_length": 32, "similarity": similarity}
    teacher = teachers.create("bi-encoder", **options, query_prompt="ask ")
    student = students.create("pretrained", **options, query_length=8)
    found, towers = embedding_error(student, teacher, context, disturb=0.05)
    assert found.keys() == {"teacher", "queries", "documents"}
    assert found["teacher"] == str(teacher)
    raw = teacher.scorer().encoder
    read = students.create("pretrained", **options, query_prompt="ask ")
    configs = ("query_config", "document_config")
    for name, texts, side in zip(("queries", "documents"), held_out(context), configs, strict=True):
        ours = embed(towers.query_encoder, getattr(student, side), texts, context.device).numpy()
        theirs = embed(raw, getattr(read, side), texts, context.device).numpy()
        if similarity == "cosine":
            assert np.linalg.norm(theirs, axis=1) == pytest.approx(1)
        wanted = np.sqrt(((ours - theirs) ** 2).sum(1)).mean()
        assert found[name] == pytest.approx(wanted, rel=1e-4), name
        assert found[name] > 0.01


def test_what_is_the_teacher_itself_is_at_no_distance(context, tiny_model):
    options = {"model": str(tiny_model), "max_length": 32}
    teacher = teachers.create("bi-encoder", **options)
    found, _ = embedding_error(students.create("pretrained", **options), teacher, context)
    assert found["queries"] == found["documents"] == 0


def test_nothing_where_it_means_nothing(context, tiny_model, wide_model):
    options = {"model": str(tiny_model), "max_length": 32}
    student = students.create("pretrained", **options)
    others = [
        None,
        teachers.create("none"),
        teachers.create("bi-encoder", **{**options, "model": str(wide_model)}),
        teachers.create("cross-encoder", **options),
        teachers.create("late-interaction", **options),
        teachers.create("ensemble", teachers=[f"bi-encoder(model={str(tiny_model)!r})"]),
    ]
    for teacher in others:
        assert embedding_error(student, teacher, context)[0] is None, teacher


def test_documents_that_are_the_teachers(context, tiny_model, wide_model):
    written = f"bi-encoder(model={str(wide_model)!r}, max_length=32)"
    student = students.create(
        "asymmetric",
        queries=f"pretrained(model={str(tiny_model)!r}, max_length=32)",
        teacher=written,
        projection="random",
    )
    teacher = teachers.create(written)
    torch.manual_seed(0)
    found, towers = embedding_error(student, teacher, context)
    assert found["documents"] == 0
    asked = embed(
        towers.query_encoder, student.query_config, held_out(context)[0], context.device
    ).numpy()
    read = students.create("pretrained", model=str(wide_model), max_length=32)
    encoder = teacher.scorer().encoder
    theirs = embed(encoder, read.query_config, held_out(context)[0], context.device).numpy()
    wanted = np.linalg.norm(asked - theirs, axis=1).mean()
    assert found["queries"] == pytest.approx(wanted, rel=1e-4)
    # Another teacher of the same width: its documents, and those the student has from its own.
    other = replace(teacher, pooling="cls")
    found, towers = embedding_error(student, other, context)
    positions = np.unique(
        [
            document
            for query, document in context.collection.part("dev").relevant().tolist()
            if query in context.collection.dev_halves()["dev-curve"]
        ]
    )
    loaded = other.reference(context)
    theirs = encode(
        loaded.scorer.encoder, loaded.tokenized.documents, positions, context.device, "x"
    )
    gaps = towers.stored.of(context.collection).at(positions) - theirs.numpy()
    assert found["documents"] == pytest.approx(np.linalg.norm(gaps, axis=1).mean(), rel=1e-5)
    assert found["documents"] > 0.01


def test_a_teachers_vectors_are_encoded_once(context, tiny_model, monkeypatch):
    from bench.training import teacher_agreement

    options = {"model": str(tiny_model), "max_length": 32}
    teacher = teachers.create("bi-encoder", **options, pooling="max")
    student = students.create("pretrained", **options)
    first, _ = embedding_error(student, teacher, context)
    labels = []

    def watched(*arguments):
        labels.append(arguments[-1])
        return encode(*arguments)

    monkeypatch.setattr(teacher_agreement, "encode", watched)
    # What is searched is the same whatever share of the train queries is left.
    assert embedding_error(student, teacher, context.subset(0.5))[0] == first
    assert labels == ["dev queries"]
