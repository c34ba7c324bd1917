"""AdamW as every run uses it, and its state as a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def make_optimizer(modules: Iterable[torch.nn.Module], weight_decay: float) -> torch.optim.AdamW:
    """AdamW, fused; biases and norms are not decayed."""
    parameters = [
        value for module in modules for value in module.parameters() if value.requires_grad
    ]
    groups = [
        {
            "params": [value for value in parameters if value.dim() > 1],
            "weight_decay": weight_decay,
        },
        {"params": [value for value in parameters if value.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, fused=True)


def save_moments(optimizer: torch.optim.Optimizer, path: Path) -> None:
    moments = {
        f"{index}.{name}": value.cpu().contiguous()
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    save_file(moments, path)


def load_moments(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """The inverse of `save_moments`, into an optimizer of the same parameters."""
    values: dict[int, dict[str, Tensor]] = {}
    for key, value in load_file(path).items():
        index, name = key.split(".", 1)
        values.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": values})
