"""Whole runs on the toy collection, through the same door as everybody else."""

import json

import numpy as np
import pandas as pd
import pytest

from bench.errors import TrainingError
from bench.evaluation.measured import measure_run
from bench.storage.files import read_json
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.training.run import Run
from tests.support.runs import train, train_with_stops


@pytest.mark.parametrize("arm", ["adaptive-margin", "static-margin", "margin-mse"])
def test_training_lowers_the_loss_and_leaves_a_record(arm, specify, context, tmp_path):
    run = specify(arm, budget=Budget(examples=960))
    folder = train(run, context, tmp_path)
    curve = folder.table("curve")
    assert curve["examples"].tolist() == [0, 320, 640, 960]
    assert curve["steps"].tolist() == [0, 40, 80, 120]
    assert (curve["train_seconds"].diff().dropna() > 0).all()
    assert curve["loss"].iloc[3] < curve["loss"].iloc[1]
    assert curve["grad_norm"].iloc[1:].gt(0).all()
    assert curve["mean_cosine"].iloc[1:].between(-1, 1).all()
    record = folder.record()
    select = curve["dev-select nDCG@10"]
    assert record["best_point"] == int(select.idxmax())  # ties to the earliest
    assert record["select"] == pytest.approx(select.max())
    assert record["examples"] == 960
    assert record["unpriced"] is None or "training of" in record["unpriced"]
    phases = {bill.phase for bill in folder.bills()}
    assert phases == {"prepare", "read", "start", "compile", "train", "evaluate", "test", "save"}
    kinds = {bill.what.split()[0] for bill in folder.bills() if bill.phase == "prepare"}
    wanted = {"margin-mse": {"teacher-embeddings"}, "static-margin": {"mined-negatives"}}
    assert kinds == {"tokens", *wanted.get(arm, set())}
    assert folder.status() == "done"
    assert not folder.checkpoints.exists()
    assert not folder.heartbeat.exists()


def test_the_same_run_gives_the_same_numbers(specify, context, tmp_path):
    first, second = (train(specify(), context, tmp_path / name) for name in ("a", "b"))
    drop = "train_seconds"
    pd.testing.assert_frame_equal(
        first.table("curve").drop(columns=drop), second.table("curve").drop(columns=drop)
    )
    for name in ("rankings.parquet", "dev.parquet", "queries.parquet", "test.trec.gz"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()
    weights = [folder.student / "model.safetensors" for folder in (first, second)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_another_seed_gives_others(specify, context, tmp_path):
    first = train(specify(), context, tmp_path)
    second = train(specify(seed=2), context, tmp_path)
    assert first.id != second.id
    assert not np.allclose(first.table("curve")["loss"][1:], second.table("curve")["loss"][1:])


def test_ids_see_what_matters_and_nothing_else(specify):
    from dataclasses import replace

    run = specify()
    assert replace(run, arm=replace(run.arm, name="other")).id == run.id
    lazy = run.arm.training.model_copy(update={"checkpoint_seconds": 5.0})
    assert replace(run, arm=replace(run.arm, training=lazy)).id == run.id
    faster = run.arm.training.model_copy(update={"learning_rate": 0.5})
    changes = {
        "seed": 3,
        "budget": Budget(steps=7),
        "collection": "another",
        "precision": "bf16",
        "select_by": "RR@10",
        "student_weights": "x",
        "tests": (),
        "arm": replace(run.arm, training=faster),
    }
    ids = {replace(run, **{key: value}).id for key, value in changes.items()}
    assert len(ids | {run.id}) == len(changes) + 1


def test_a_measure_added_later_needs_no_training(specify, context, tmp_path):
    folder = train(specify(), context, tmp_path)
    before = folder.table("curve")
    measure_run(folder, context, ["nDCG@10", "RR@10", "R@5"], ["test"])
    after = folder.table("curve")
    pd.testing.assert_frame_equal(after[before.columns], before)
    assert after["R@5"].between(0, 1).all()
    assert folder.table("queries")["R@5"].between(0, 1).all()


@pytest.mark.parametrize(
    "budget", [Budget(steps=5), Budget(seconds=0.5), Budget(examples=10), Budget(flops=3e7)]
)
def test_budgets_bind(budget, specify, context, tmp_path):
    record = train(specify(budget=budget), context, tmp_path).record()
    if budget.unit in ("seconds", "flops"):  # they end with the step that uses the last of it
        assert record["steps"] >= 1
    else:
        assert record[budget.unit] == budget.amount


def test_a_loss_that_is_not_finite_stops_with_a_reason(specify, context, tmp_path):
    from dataclasses import replace

    run = specify("margin-mse")
    wild = run.arm.training.model_copy(update={"learning_rate": 1e30, "clip": 0.0, "warmup": 0.0})
    run = replace(run, arm=replace(run.arm, training=wild), budget=Budget(steps=60))
    with pytest.raises(TrainingError, match="not finite at step .*smaller learning rate"):
        train(run, context, tmp_path)


def test_a_checkpoint_goes_on_exactly(specify, context, tmp_path):
    """Stopped at each pause in turn and taken up again, nothing in the record changes."""
    wanted = train(specify(), context, tmp_path / "whole")
    folder = RunFolder(tmp_path / "parts" / wanted.id)
    assert train_with_stops(specify(), context, folder) == 3
    measure_run(folder, context, ["nDCG@10", "RR@10"], ["test"])
    drop = "train_seconds"
    pd.testing.assert_frame_equal(
        folder.table("curve").drop(columns=drop), wanted.table("curve").drop(columns=drop)
    )
    for name in ("rankings.parquet", "dev.parquet", "queries.parquet", "test.trec.gz"):
        assert (folder.path / name).read_bytes() == (wanted.path / name).read_bytes()
    model = "student/model.safetensors"
    assert (folder.path / model).read_bytes() == (wanted.path / model).read_bytes()
    assert json.loads((folder.path / "run.json").read_text())["specification"]["seed"] == 1


def test_work_after_the_last_checkpoint_is_billed_as_wasted(specify, context, tmp_path):
    from dataclasses import replace

    run = specify()
    lazy = run.arm.training.model_copy(update={"checkpoint_seconds": 1e9})
    run = replace(run, arm=replace(run.arm, training=lazy))
    folder = RunFolder(tmp_path / run.id)
    stopped = Run(run, folder, context, keep_student=False, report=lambda message: None)

    def stop() -> None:
        Run._on_pause(stopped)
        raise KeyboardInterrupt

    stopped._on_pause = stop
    with pytest.raises(KeyboardInterrupt):
        stopped.execute()
    spent = sum(json.loads(folder.heartbeat.read_text()).values())
    Run(run, folder, context, keep_student=False, report=lambda message: None).execute()
    (wasted,) = [bill.seconds for bill in folder.bills() if bill.phase == "wasted"]
    assert wasted == pytest.approx(spent)
    assert wasted > 0


def test_a_checkpoint_of_another_version_is_begun_again(tmp_path, specify, context):
    run = specify()
    whole = train(run, context, tmp_path / "whole")
    again = RunFolder(tmp_path / "again" / run.id)
    stopped: list[str] = []

    def age() -> None:
        """At the second stop, which has something to lose."""
        stopped.append("")
        for path in again.checkpoints.glob("*/state.json"):
            if len(stopped) == 2:
                path.write_text(json.dumps(read_json(path) | {"format": 0}))

    stops = train_with_stops(run, context, again, age)
    assert stops == train_with_stops(run, context, RunFolder(tmp_path / "quiet" / run.id)) + 2
    first, second = (folder.table("curve") for folder in (whole, again))
    first = first[second.columns].drop(columns="train_seconds")
    assert first.equals(second.drop(columns="train_seconds"))
