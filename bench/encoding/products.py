"""Linear layers computed by oneDNN on a CPU, which multiplies faster there than torch's default.

torch itself uses oneDNN for linear layers in half precision only; in float32 it asks MKL, which on
some processors leaves a tenth of their speed unused.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

_THERE = torch.backends.mkldnn.is_available()


def product(rows: Tensor, columns: Tensor) -> Tensor:
    """``rows @ columns.T``, without gradients.

    Args:
        rows: [R, d] and columns: [C, d], on one device.
    """
    if rows.device.type == "cpu" and rows.dtype == torch.float32 and _THERE:
        return _product(rows, columns, None)
    return rows @ columns.T


class Linear(nn.Linear):
    """`torch.nn.Linear`, by oneDNN where it reads float32 on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        as_torch = input.dtype != torch.float32 or input.dim() < 2
        if as_torch or torch.is_autocast_enabled("cpu"):
            return linear(input, self.weight, self.bias)
        output: Tensor = _Product.apply(input, self.weight, self.bias)
        return output


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(states, weight)
        ctx.biased = bias is not None
        return _product(states, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        states, weight = ctx.saved_tensors
        of_states, of_weight, of_bias = ctx.needs_input_grad
        flat = gradient.flatten(0, -2)
        return (
            _product(gradient, weight.t(), None) if of_states else None,
            flat.t() @ states.flatten(0, -2) if of_weight else None,
            flat.sum(0) if of_bias else None,
        )


def _product(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    output: Tensor = torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], "")
    return output


def replace_linear(module: nn.Module) -> None:
    """Let oneDNN compute every linear layer within, where this torch has it."""
    if not _THERE:
        return
    for part in module.modules():
        if type(part) is nn.Linear:
            part.__class__ = Linear
