"""Estimates of the floating-point operations of a pass.

A forward pass takes two per token and weight, a backward pass four more (arXiv 2001.08361).
Embedding tables are looked up and do not count. The products of queries and keys within attention
are left out: for texts as long as passages they are a few per cent.
"""

from __future__ import annotations

from torch import nn


def matrix_parameters(module: nn.Module) -> int:
    """Parameters outside of embedding tables."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    return sum(value.numel() for value in module.parameters() if id(value) not in tables)


def forward_flops(module: nn.Module, tokens: int) -> float:
    return 2.0 * matrix_parameters(module) * tokens


def training_flops(module: nn.Module, tokens: int) -> float:
    return 6.0 * matrix_parameters(module) * tokens
