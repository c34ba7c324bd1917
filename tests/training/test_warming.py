"""Before the clock starts everything is computed once, and it leaves no trace."""

from dataclasses import replace

import numpy as np
import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from bench.encoding.joining import Joining
from bench.encoding.packed import Joined
from bench.encoding.packing import Ladder
from bench.encoding.transformer_encoder import TransformerEncoder
from bench.optimization import loop
from bench.optimization.loop import Loop
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.training import run as running
from tests.support.runs import train, train_with_stops


@pytest.fixture
def laddered(context):
    """The lab on a CPU that packs as a GPU does."""
    return replace(context, device=replace(context.device, packing=Ladder(), joining=None))


@pytest.fixture
def joined(laddered):
    """One where texts stand one behind another, too."""
    return replace(laddered, device=replace(laddered.device, joining=Joining()))


def weights(folder: RunFolder) -> bytes:
    return (folder.student / "model.safetensors").read_bytes()


@pytest.mark.parametrize("where", ["context", "laddered", "joined"])
def test_it_changes_nothing(specify, request, where, tmp_path, monkeypatch):
    there = request.getfixturevalue(where)
    warm = train(specify(), there, tmp_path / "warm")
    monkeypatch.setitem(loop.STEPS, "cpu", 0)
    monkeypatch.setattr(running, "warm_shapes", lambda *arguments: None)
    cold = train(specify(), there, tmp_path / "cold")
    assert weights(warm) == weights(cold)
    assert (warm.path / "rankings.parquet").read_bytes() == (
        cold.path / "rankings.parquet"
    ).read_bytes()


def test_it_is_on_no_clock_of_training(specify, context, tmp_path, monkeypatch):
    import time

    monkeypatch.setattr(running, "warm_optimizer", lambda device: time.sleep(3))
    folder = train(specify(budget=Budget(examples=8)), context, tmp_path)
    seconds = {bill.phase: bill.seconds for bill in folder.bills() if bill.what == "run"}
    assert seconds["train"] < 3 <= seconds["compile"]


@pytest.mark.parametrize("where", ["laddered", "joined"])
def test_every_shape_of_the_training_was_warmed(specify, request, where, tmp_path, monkeypatch):
    there = request.getfixturevalue(where)
    shapes = {"before": set(), "training": set()}
    phase = ["before"]
    forward, advance = TransformerEncoder.forward, Loop.advance

    def spy(encoder, texts):
        if encoder.training:
            shapes[phase[0]].add((type(texts), *texts.ids.shape))
        return forward(encoder, texts)

    def in_training(self, *arguments):
        phase[0] = "training"
        advance(self, *arguments)

    monkeypatch.setattr(TransformerEncoder, "forward", spy)
    monkeypatch.setattr(Loop, "advance", in_training)
    train(specify(), there, tmp_path)
    assert all((kind is Joined) == (where == "joined") for kind, *_ in shapes["training"])
    assert 0 < len(shapes["training"]) <= len(shapes["before"])
    assert shapes["training"] <= shapes["before"]


class Counted(TorchDispatchMode):
    """Counts operators by name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.calls.append(function.overloadpacket.__name__)
        return function(*arguments, **(options or {}))


ARMS = {
    "infonce": {"loss": "infonce"},
    "adaptive-margin": {"loss": "adaptive-margin"},
    "margin-mse": {"loss": "margin-mse", "teacher": "bi-encoder"},
}


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_a_step_waits_for_nothing_and_its_operators_do_not_grow(
    specify, laddered, tmp_path, monkeypatch, arm
):
    """A number that Python reads, as a mask that is looked into, makes a GPU wait."""
    counted: dict[int, list[Counted]] = {}
    step = Loop.step

    def count(self, batch):
        with Counted() as calls:
            step(self, batch)
        counted.setdefault(len(batch), []).append(calls)

    monkeypatch.setattr(Loop, "step", count)
    for size in (8, 24):
        run = specify(arm, entry=ARMS[arm], budget=Budget(steps=2))
        sized = run.arm.training.model_copy(update={"batch_size": size})
        train(replace(run, arm=replace(run.arm, training=sized)), laddered, tmp_path / str(size))
    # The second step: the first makes the optimizer's state.
    few, many = (counted[size][1].calls for size in (8, 24))
    assert "_local_scalar_dense" not in few + many
    assert len(few) > 100
    assert len(few) == len(many)


def test_the_first_steps_and_the_tenths_are_recorded(specify, context, tmp_path):
    run = specify(budget=Budget(steps=30))
    whole = train(run, context, tmp_path / "whole").record()
    assert [steps for steps, _ in whole["tenths"]] == list(range(3, 31, 3))
    seconds = [*whole["first_steps"][:3], *(seconds for _, seconds in whole["tenths"])]
    assert len(whole["first_steps"]) == 5
    assert (np.diff(seconds) > 0).sum() == len(seconds) - 2  # the third step is the first tenth
    folder = RunFolder(tmp_path / "parts" / run.id)
    train_with_stops(run, context, folder)
    assert [steps for steps, _ in folder.record()["tenths"]] == list(range(3, 31, 3))
    assert len(folder.record()["first_steps"]) == 5


def test_tenths_of_fewer_steps_than_ten(specify, context, tmp_path):
    record = train(specify(budget=Budget(steps=3)), context, tmp_path).record()
    assert [steps for steps, _ in record["tenths"]] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
