"""What a run's record says of its student beside a teacher."""

import pytest
from safetensors.torch import load_file

from bench.results import AGREEMENT
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.training.evaluator import Evaluator
from bench.training.reference import Reference
from bench.training.replay import Comparison
from bench.training.specification import ReferenceSpecification
from bench.training.teacher_agreement import compare_with_teacher, embedding_error
from tests.support.runs import train


@pytest.mark.slow
def test_it_is_measured_at_the_best_point_and_changes_nothing(specify, context, tmp_path):
    run = specify("margin-mse", budget=Budget(examples=192))
    teacher = run.arm.teacher
    folder = train(run, context, tmp_path / "compared", against=teacher)
    alone = train(run, context, tmp_path / "alone")
    assert folder.id == alone.id
    assert alone.record()["geometry"] is None
    weights = "student/model.safetensors"
    assert (folder.path / weights).read_bytes() == (alone.path / weights).read_bytes()
    found = folder.record()["geometry"]
    towers = run.arm.student.build(context)
    transformer = towers.query_encoder.transformer
    missing = set(transformer.state_dict()) - set(load_file(folder.path / weights))
    transformer.load_state_dict(load_file(folder.path / weights), strict=False)
    assert not missing
    evaluator = Evaluator(context, run.arm.student, run.evaluation)
    assert embedding_error(towers, run.arm.student, evaluator, teacher, context) == found
    assert found["teacher"] == str(teacher)
    assert folder.record()["best_point"] > 0
    assert found["queries"] > 0
    assert found["documents"] > 0


def test_nobody_is_charged_for_the_teachers_vectors(specify, context, tmp_path):
    run = specify("adaptive-margin", budget=Budget(examples=16))
    teacher = specify("margin-mse").arm.teacher
    bills = [
        {(bill.phase, bill.what) for bill in train(run, context, tmp_path / name, against).bills()}
        for name, against in {"compared": teacher, "alone": None}.items()
    ]
    assert bills[0] == bills[1]
    assert [*context.artifacts.root.glob("geometry-vectors/*")]


def test_a_replay_is_not_asked_for_what_another_runs_ranking_gives(specify, context, tmp_path):
    run = specify("margin-mse", budget=Budget(examples=16))
    recorded, replayed = (train(run, context, tmp_path / name) for name in ("recorded", "replayed"))
    reference = ReferenceSpecification(
        {"name": "bm25"}, run.evaluation, run.tests, run.collection, "float32"
    )
    bm25 = RunFolder(tmp_path / "bm25")
    Reference(reference, None, bm25, context, report=lambda message: None).execute()
    compare_with_teacher(recorded, bm25, context)
    assert recorded.table("curve")[list(AGREEMENT)].notna().all(axis=None)
    comparison = Comparison.of(recorded, replayed)
    assert comparison.same
    assert comparison.largest == 0
    assert bm25.record()["labels"] == bm25.record()["train_queries"] == 0
