"""Dropout whose masks are cheap to draw on a CPU.

torch draws its masks there slowly and on one thread: a tenth of a training step. Here an element
takes 16 bits of a faster generator, which torch's own seeds. An element is dropped with the
probability asked for, rounded to 1/65,536, and what is kept is scaled by exactly what that
probability demands.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

LEVELS = 2**16
"""How finely probabilities are told apart."""


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` with these masks."""

    def forward(self, states: Tensor) -> Tensor:
        return drop(states, self.p) if self.training else states


def drop(states: Tensor, p: float) -> Tensor:
    """The states, each zero with probability p, else scaled to keep its mean."""
    return states * factors(states, p) if p else states


def factors(states: Tensor, p: float) -> Tensor:
    """What dropout multiplies the states by: 0 or 1 / (1 - p), of their shape and type.

    p is rounded to 1/65,536.
    """
    dropped = round(p * LEVELS)
    if dropped == LEVELS:
        return torch.zeros_like(states)
    count = states.numel()
    draw = np.random.Generator(np.random.SFC64(int(torch.randint(2**63 - 1, ()))))
    drawn = draw.integers(2**64, size=-(-count // 4), dtype=np.uint64)
    bits = torch.from_numpy(drawn.view(np.int16))[:count].view(states.shape)
    kept = torch.ge(bits, dropped - LEVELS // 2, out=torch.empty_like(states))
    return kept.mul_(LEVELS / (LEVELS - dropped))


def replace_dropout(module: nn.Module) -> None:
    """Use these masks in every dropout layer within."""
    for part in module.modules():
        for name, child in part.named_children():
            if type(child) is nn.Dropout:
                setattr(part, name, Dropout(child.p).train(child.training))
