"""Train queries and labels that a run has used up, against brute force."""

import numpy as np
import pytest

from bench import samplers, teachers
from bench.study.schema import Budget
from bench.triples.labels import count_labels, drawn_labels
from bench.triples.stream import DrawPlan
from tests.support.runs import train, train_with_stops


def drawn(context, sampler: str, seed: int, batch_size: int, examples: int, **options) -> set:
    """The pairs of a training, batch for batch."""
    stream = samplers.create(sampler, **options).prepare(context)
    found: set[tuple[int, int]] = set()
    for start in range(0, examples, batch_size):
        triples = stream.batch(seed, start, min(start + batch_size, examples))
        found |= set(zip(triples.queries.tolist(), triples.positives.tolist(), strict=True))
    return found


def counted(pairs: set) -> dict[str, int]:
    return {"train_queries": len({query for query, _ in pairs}), "labels": len(pairs)}


def used(folder) -> dict[str, int]:
    record = folder.record()
    return {name: record[name] for name in ("train_queries", "labels")}


def tuned(model, **options) -> dict:
    """A teacher fine-tuned on 20 examples."""
    common = {"name": "bi-encoder", "model": str(model), "max_length": 32, "fine_tune": True}
    return {**common, "examples": 20, "batch_size": 8, "negatives": 2, "seed": 5, **options}


def written(entry: dict) -> str:
    return str(teachers.create(entry))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arm", "sampler", "options"),
    [
        ("adaptive-margin", "uniform", {}),
        ("static-margin", "mined", {"last": 5}),
    ],
)
def test_those_that_were_drawn(arm, sampler, options, specify, context, tmp_path):
    folder = train(specify(arm, budget=Budget(examples=20)), context, tmp_path)
    wanted = counted(drawn(context, sampler, 1, 8, 20, **options))
    assert used(folder) == wanted
    assert wanted["train_queries"] < wanted["labels"] == 20  # two relevant documents a query
    longer = train(specify(arm, budget=Budget(examples=960)), context, tmp_path)
    everything = set(map(tuple, context.collection.part("train").relevant().tolist()))
    assert used(longer) == counted(everything)


def test_a_student_that_mines_its_own_draws_its_positives_as_everybody_does(
    specify, context, tmp_path
):
    entry = {"loss": "static-margin", "sampler": "mined(by='student', refresh=2)"}
    run = specify("own", entry, budget=Budget(examples=24))
    wanted = counted(drawn(context, "uniform", 1, 8, 24))
    assert used(train(run, context, tmp_path)) == wanted
    assert wanted["labels"] == 24


def test_the_teachers_are_charged_to_the_arm(specify, context, tmp_path, tiny_model):
    """Eight examples of the student's, twenty of the teacher's: the union of both."""
    entry = {"loss": "margin-mse", "teacher": tuned(tiny_model)}
    folder = train(specify("taught", entry, budget=Budget(examples=8)), context, tmp_path)
    own, theirs = drawn(context, "uniform", 1, 8, 8), drawn(context, "mined", 5, 8, 20, negatives=2)
    assert used(folder) == counted(own | theirs)
    assert len(own) == 8
    assert len(theirs) == 20
    (artifact,) = [
        bill.what.split()[1]
        for bill in folder.bills()
        if bill.what.startswith("fine-tuned-teacher")
    ]
    kept = np.load(context.artifacts.root / "fine-tuned-teacher" / artifact / "labels.npy")
    assert kept.dtype == np.int64
    assert kept.tolist() == sorted(map(list, theirs))


def test_each_member_of_an_ensemble_is_and_one_that_is_as_it_comes_is_not(
    specify, context, tmp_path, tiny_model
):
    members = [tuned(tiny_model), tuned(tiny_model, seed=6), tuned(tiny_model, fine_tune=False)]
    teacher = {"name": "ensemble", "teachers": [written(member) for member in members]}
    run = specify("many", {"loss": "margin-mse", "teacher": teacher}, budget=Budget(examples=8))
    pairs = drawn(context, "uniform", 1, 8, 8)
    for seed in (5, 6):
        pairs |= drawn(context, "mined", seed, 8, 20, negatives=2)
    assert used(train(run, context, tmp_path)) == counted(pairs)
    as_it_comes = specify(
        "one", {"loss": "margin-mse", "teacher": members[2]}, budget=Budget(examples=8)
    )
    assert used(train(as_it_comes, context, tmp_path))["labels"] == 8


def test_inherited_documents_cost_the_labels_of_who_made_them(
    specify, context, tmp_path, tiny_model
):
    queries = f"pretrained(model={str(tiny_model)!r}, max_length=32)"
    student = {"name": "asymmetric", "queries": queries, "teacher": written(tuned(tiny_model))}
    entry = {"loss": "static-margin", "student": {**student, "projection": "none"}}
    run = specify("inherits", entry, budget=Budget(examples=8))
    pairs = drawn(context, "uniform", 1, 8, 8) | drawn(context, "mined", 5, 8, 20, negatives=2)
    assert used(train(run, context, tmp_path)) == counted(pairs)


def test_generated_queries_are_no_labels_but_their_teachers_are(
    specify, context, tmp_path, tiny_model
):
    entry = {"loss": "embedding-match", "sampler": "generated", "teacher": tuned(tiny_model)}
    run = specify("generated", entry, budget=Budget(examples=16))
    wanted = counted(drawn(context, "mined", 5, 8, 20, negatives=2))
    assert used(train(run, context, tmp_path)) == wanted


def test_stopped_and_taken_up_again_it_counts_all(specify, context, tmp_path):
    from bench.storage.records import RunFolder

    run = specify(budget=Budget(examples=24))
    folder = RunFolder(tmp_path / run.id)
    assert train_with_stops(run, context, folder) > 1
    assert used(folder) == counted(drawn(context, "uniform", 1, 8, 24))


def test_in_chunks_it_is_the_same(context, monkeypatch):
    from bench.triples import labels

    stream = samplers.create("uniform").prepare(context)
    plan = DrawPlan(stream, 3, 4, 200)
    whole = drawn_labels(plan)
    monkeypatch.setattr(labels, "BATCHES", 3)
    assert np.array_equal(drawn_labels(plan), whole)
    assert np.array_equal(whole, np.unique(whole, axis=0))


def test_large_positions_stay_apart():
    pairs = np.array([[0, 2**31 - 1], [2**31 - 2, 0], [2**31 - 2, 2**31 - 1]])
    assert count_labels([pairs, pairs[1:]]) == {"train_queries": 2, "labels": 3}
    assert count_labels([]) == {"train_queries": 0, "labels": 0}


def test_a_teacher_of_an_older_version_is_made_anew(context, tiny_model, monkeypatch):
    from bench.teachers import _fine_tuning as fine_tuning

    teacher = teachers.create(tuned(tiny_model, seed=7))
    queries = context.collection.part("train").queries
    now = teacher.load(queries, context).tuned
    monkeypatch.setattr(fine_tuning, "VERSION", fine_tuning.VERSION + 1)
    assert teacher.load(queries, context).tuned.digest != now.digest
