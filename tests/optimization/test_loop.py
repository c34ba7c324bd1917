"""The loop takes the steps that written-out code takes, and says where it must stop."""

from itertools import repeat

import pytest
import torch
from torch import nn

from bench.encoding.device import choose
from bench.errors import TrainingError
from bench.optimization.loop import CHECK_EVERY, Loop, Progress
from bench.optimization.optimizer import make_optimizer
from bench.optimization.schedule import Schedule

STEPS, SIZE, CLIP = 40, 4, 0.3
SCHEDULE = Schedule(0.05, 0.1, "linear")


class Regression(Loop[torch.Tensor]):
    """Fits a layer, behind dropout, to the sum of what it reads."""

    def __init__(self, clip=CLIP, scale=1.0) -> None:
        torch.manual_seed(3)
        self.layer, self.progress, self.scale = nn.Linear(3, 1), Progress(), scale
        optimizer = make_optimizer([self.layer], 0.01)
        super().__init__("toy", [self.layer], optimizer, SCHEDULE, clip, self.progress, choose())

    def used(self, more=0):
        return (self.progress.examples + more) / (STEPS * SIZE)

    def dropout_seed(self):
        return self.progress.steps

    def loss(self, batch):
        outputs = self.layer(nn.functional.dropout(batch, 0.2))
        error = (outputs - batch.sum(1, keepdim=True)).square().mean() * self.scale
        return error, lambda: {"largest": outputs.abs().max()}


def batches() -> list[torch.Tensor]:
    return list(torch.randn(STEPS, SIZE, 3, generator=torch.Generator().manual_seed(1)))


def test_it_takes_the_steps_of_a_loop_written_out():
    loop = Regression()
    loop.rehearse(repeat(batches()[0]))  # which leaves no trace
    loop.advance(iter(batches()), 1.0)
    loop.check_loss()
    torch.manual_seed(3)
    layer = nn.Linear(3, 1)
    parameters = [layer.weight, layer.bias]
    groups = [{"params": [layer.weight], "weight_decay": 0.01}]
    groups += [{"params": [layer.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, fused=True)
    losses, norms = 0.0, 0.0
    for step, batch in enumerate(batches()):
        torch.manual_seed(step)
        done = (step + 1) / STEPS
        rate = 0.05 * (done / 0.1 if done < 0.1 else (1 - done) / (1 - 0.1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        outputs = layer(nn.functional.dropout(batch, 0.2))
        loss = (outputs - batch.sum(1, keepdim=True)).square().mean()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        optimizer.zero_grad()
        losses, norms = losses + loss.item(), norms + norm.item()
    assert torch.equal(loop.layer.weight, layer.weight)
    assert torch.equal(loop.layer.bias, layer.bias)
    assert (loop.progress.steps, loop.progress.examples) == (STEPS, STEPS * SIZE)
    sums = loop.progress.sums
    assert sums["steps"] == STEPS
    assert (sums["loss"], sums["grad_norm"]) == pytest.approx((losses, norms), rel=1e-12)
    assert sums["largest"] > 0


def test_it_ends_at_the_share_or_with_the_batches():
    loop, all_batches = Regression(), iter(batches())
    loop.advance(all_batches, 0.25)
    assert loop.progress.steps == STEPS / 4
    assert loop.reached(0.25)
    loop.advance(all_batches, 0.25)  # reached: no step more
    assert loop.progress.steps == STEPS / 4
    loop.advance(iter(batches()[:3]), 1.0)
    assert loop.progress.steps == STEPS / 4 + 3
    assert not loop.reached(1.0)


def test_it_pauses(monkeypatch):
    monkeypatch.setattr("bench.optimization.loop.PAUSE_SECONDS", 0.0)
    loop = Regression()
    loop.advance(iter(batches()), 1.0)
    assert loop.progress.steps == 0


def test_a_loss_that_is_not_finite_is_found_soon():
    loop = Regression(scale=float("inf"))
    with pytest.raises(TrainingError, match=r"toy: the loss is not finite at step 20 .*rate 0\.05"):
        loop.advance(iter(batches()), 1.0)
    assert loop.progress.steps == CHECK_EVERY


def test_weights_that_the_last_step_ruined_are_found():
    loop = Regression()
    loop.advance(iter(batches()), 1.0)
    loop.check_weights()
    with torch.no_grad():
        loop.layer.bias.fill_(float("nan"))
    loop.check_loss()
    with pytest.raises(TrainingError, match="the weights are not finite"):
        loop.check_weights()


def test_no_clip_is_no_limit():
    free, wide = Regression(clip=0.0), Regression(clip=1e9)
    for loop in (free, wide):
        loop.advance(iter(batches()), 1.0)
    assert torch.equal(free.layer.weight, wide.layer.weight)
