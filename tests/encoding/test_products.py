"""Linear layers by oneDNN give what torch's give."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from bench.encoding.products import Linear, replace_linear

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN"
)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (33, 5), (2, 7, 5), (0, 5)])
def test_outputs_and_gradients(shape, bias):
    torch.manual_seed(0)
    exact = nn.Linear(5, 9, bias=bias).double()
    layer = deepcopy(exact).float()
    replace_linear(layer)
    assert type(layer) is Linear
    states = torch.randn(shape)
    outputs = []
    for module, given in ((layer, states), (exact, states.double())):
        given = given.clone().requires_grad_()
        output = module(given)
        output.square().sum().backward()
        outputs.append([output, given.grad, *(value.grad for value in module.parameters())])
    for one, other in zip(*outputs, strict=True):
        assert one.dtype == torch.float32
        assert torch.allclose(one.double(), other, rtol=1e-5, atol=1e-5)


def test_what_is_frozen_gets_no_gradient():
    layer = nn.Linear(5, 9)
    replace_linear(layer)
    layer.weight.requires_grad_(False)
    layer(torch.randn(3, 5)).sum().backward()
    assert layer.weight.grad is None
    assert layer.bias.grad is not None


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs(dtype):
    layer = nn.Linear(5, 9).to(dtype)
    states = torch.randn(3, 5, dtype=dtype)
    before = layer(states)
    replace_linear(layer)
    assert torch.equal(layer(states), before)


def test_under_autocast_it_is_torchs():
    layer = nn.Linear(5, 9)
    states = torch.randn(3, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = layer(states)
        replace_linear(layer)
        found = layer(states)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, before)
