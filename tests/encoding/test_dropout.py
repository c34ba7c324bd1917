"""Dropout has the law of torch's, whatever its masks are drawn from."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from bench.encoding.dropout import Dropout, drop, factors, replace_dropout

COUNT = 400_000


def kept(p: float, seed: int = 0, count: int = COUNT) -> torch.Tensor:
    torch.manual_seed(seed)
    return factors(torch.empty(count), p) > 0


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_rate_and_scale(p):
    torch.manual_seed(1)
    found = drop(torch.full((COUNT,), 2.0), p)
    (scaled,) = found[found != 0].unique().tolist()
    assert scaled == pytest.approx(2 / (1 - p), rel=2e-4 if p > 0.5 else 2e-5)
    spread = (p * (1 - p) / COUNT) ** 0.5
    assert abs(float((found == 0).double().mean()) - p) < 5 * spread


def test_elements_are_independent():
    """Of their neighbours, of those drawn with them and of the next call's."""
    torch.manual_seed(2)
    one, other = (1.0 * (factors(torch.empty(COUNT), 0.3) > 0) for _ in range(2))
    pairs = [(one[:-lag], one[lag:]) for lag in (1, 2, 3, 4, 8, 384)] + [(one, other)]
    for left, right in pairs:
        correlation = torch.corrcoef(torch.stack([left, right]))[0, 1]
        assert abs(float(correlation)) < 5 / COUNT**0.5
    for lane in range(4):  # four elements are drawn at once
        share = float(one[lane::4].mean())
        assert abs(share - 0.7) < 5 * (0.21 / (COUNT / 4)) ** 0.5
    counts = one.view(-1, 100).sum(1)
    assert float(counts.var()) == pytest.approx(100 * 0.21, rel=0.1)


def test_it_follows_torchs_seed():
    assert torch.equal(kept(0.1, seed=3), kept(0.1, seed=3))
    assert not torch.equal(kept(0.1, seed=3), kept(0.1, seed=4))
    for count in (0, 1, 5):
        assert kept(0.5, count=count).shape == (count,)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_ends(p):
    states = torch.randn(7, 3)
    assert torch.equal(drop(states, p), states * (1 - p))


def test_the_gradient_is_masked_alike():
    states = torch.ones(1000, requires_grad=True)
    found = drop(states, 0.3)
    found.sum().backward()
    assert torch.equal(states.grad, found.detach())


def test_a_recomputed_pass_drops_the_same():
    layer = Dropout(0.5)
    states = torch.ones(1000, requires_grad=True)
    found = checkpoint(layer, states, use_reentrant=False)
    found.sum().backward()
    assert torch.equal(states.grad, found.detach())


def test_every_layer_is_replaced():
    module = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(0.2), nn.Dropout1d(0.2)))
    module.eval()
    before = module.state_dict()
    replace_dropout(module)
    assert [type(part) for part in module[1]] == [Dropout, nn.Dropout1d]
    assert (module[1][0].p, module[1][0].training) == (0.2, False)
    assert module.state_dict().keys() == before.keys()
    states = torch.ones(3)
    assert torch.equal(module[1][0](states), states)
