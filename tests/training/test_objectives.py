"""Losses in the loop: signals from a teacher, parameters of their own, large batches."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from bench import losses
from bench.encoding.models import load_tokenizer, load_transformer
from bench.losses import Signal
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.triples.stream import DrawPlan
from tests.losses.cases import required
from tests.support.runs import train, train_with_stops

NAMES = losses.registry.names()


@pytest.fixture
def taught(specify, wide_model):
    """The run of a loss whose teacher is wider than the student."""

    def make(loss: str | dict, **changes):
        entry: dict = {"loss": loss, "sampler": "uniform(negatives=3)"}
        if losses.create(loss).needs():
            entry["teacher"] = {"name": "bi-encoder", "model": str(wide_model), "max_length": 32}
        return specify("arm", entry, **changes)

    return make


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_loss_trains_from_a_file_to_a_record(name, taught, context, tmp_path):
    run = taught({"name": name, **required(name)}, budget=Budget(steps=3))
    folder = train(run, context, tmp_path)
    curve = folder.table("curve").iloc[1:]
    assert len(curve) == 3
    assert curve["loss"].notna().all()
    assert curve["grad_norm"].gt(0).all()
    assert folder.record()["steps"] == 3


def test_a_projection_trains_with_the_student_and_is_not_part_of_it(taught, context, tmp_path):
    run = taught("embedding-match", budget=Budget(examples=960))
    folder = train(run, context, tmp_path)
    curve = folder.table("curve")
    assert curve["loss"].iloc[3] < 0.9 * curve["loss"].iloc[1]
    assert curve["projection_norm"].iloc[1:].nunique() == 3
    assert not any("layer." in name and "encoder" not in name for name in _student(folder))
    student, teacher = 32, 48
    parameters = folder.record()["parameters"]
    assert parameters == sum(value.numel() for value in _student(folder).values())
    assert folder.record()["loss_parameters"] == student * teacher + teacher


def _student(folder: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(folder.student / "model.safetensors")


def test_a_sum_logs_every_part(taught, context, tmp_path):
    run = taught("embed-distill(weights=[1.0, 0.5, 2.0])", budget=Budget(steps=3))
    curve = train(run, context, tmp_path).table("curve").iloc[1:]
    parts = [f"loss.{name}" for name in ("infonce", "list-kl", "embedding-match")]
    total = curve[parts] @ [1.0, 0.5, 2.0]
    assert total.tolist() == pytest.approx(curve["loss"].tolist(), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "owns"),
    [("embed-distill", True), ('sum(parts=["list-kl", "relational(texts=\'queries\')"])', False)],
)
def test_a_built_loss_goes_on_exactly(loss, owns, taught, context, tmp_path):
    """Stopped at each pause in turn; with and without parameters of the loss's own."""
    run = taught(loss)
    wanted = train(run, context, tmp_path / "whole")
    folder = RunFolder(tmp_path / "parts" / wanted.id)

    def look() -> None:
        (checkpoint,) = folder.checkpoints.iterdir()
        assert bool(load_file(checkpoint / "loss.safetensors")) == owns

    assert train_with_stops(run, context, folder, look) == 3
    curves = [
        found.table("curve")[["loss", "grad_norm", "loss.list-kl", "mean_cosine"]]
        for found in (folder, wanted)
    ]
    pd.testing.assert_frame_equal(*curves)
    weights = [found.student / "model.safetensors" for found in (folder, wanted)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_gradient_cache_changes_nothing_but_memory(taught, context, tmp_path):
    """The groups of 4,096 tokens are those of a CPU without a cache: equal to the last bit."""
    plain = taught("infonce", budget=Budget(steps=6))

    def cached(tokens: int) -> dict[str, torch.Tensor]:
        training = plain.arm.training.model_copy(update={"gradient_cache": tokens})
        run = replace(plain, arm=replace(plain.arm, training=training))
        return _student(train(run, context, tmp_path / str(tokens)))

    wanted = _student(train(plain, context, tmp_path / "plain"))
    for name, value in cached(4096).items():
        assert torch.equal(value, wanted[name]), name
    assert any(not torch.equal(value, wanted[name]) for name, value in cached(64).items())


@pytest.mark.parametrize(
    ("loss", "encoded"),
    [
        ("infonce", set()),
        ("embedding-match(texts='queries')", {"queries"}),
        ("embedding-match(texts='documents')", {"documents"}),
        ("margin-mse", {"queries", "documents"}),
    ],
)
def test_a_teacher_prepares_what_the_loss_needs_and_no_more(
    loss, encoded, taught, context, tmp_path
):
    folder = train(taught(loss, budget=Budget(steps=3)), context, tmp_path)
    stored = [bill for bill in folder.bills() if bill.what.startswith("teacher-embeddings")]
    made = context.artifacts.root / "teacher-embeddings"
    sides = {
        json.loads((made / bill.what.split()[1] / "artifact.json").read_text())["made_from"]["side"]
        for bill in stored
    }
    assert sides == encoded


def test_a_bi_encoders_signals_are_those_of_a_plain_loop(context, taught):
    arm = taught("margin-mse").arm
    every = frozenset(Signal)
    stream = arm.sampler.prepare(context)
    signal_source = arm.teacher.prepare(every, DrawPlan(stream, 3, 4, 4), context)
    triples = stream.batch(3, 0, 4)
    given = signal_source.signals(triples)
    transformer, tokenizer = (
        load_transformer(arm.teacher.model).eval(),
        load_tokenizer(arm.teacher.model),
    )

    def vector(text: str) -> torch.Tensor:
        inputs = tokenizer([text], truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            states = transformer(**inputs).last_hidden_state[0].mean(0)
        return states / states.norm()

    train_part, documents = context.collection.part("train"), context.collection.documents
    queries = torch.stack([vector(text) for text in train_part.queries.take(triples.queries)])
    drawn = [
        [positive, *negatives]
        for positive, negatives in zip(triples.positives, triples.negatives, strict=True)
    ]
    texts = torch.stack(
        [torch.stack([vector(text) for text in documents.take(row)]) for row in drawn]
    )
    assert texts.shape == (4, 4, 48)
    assert signal_source.width == 48
    wanted = {
        "queries": queries,
        "documents": texts,
        "scores": torch.stack([texts[i] @ queries[i] for i in range(4)]),
        "in_batch": torch.stack([texts @ query for query in queries]),
    }
    for name, value in wanted.items():
        torch.testing.assert_close(getattr(given, name), value, atol=1e-5, rtol=0)
