"""Pools the states of a text's tokens into one vector."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.encoding.packed import Joined


def pool(states: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """[n, length, d] states → [n, d] by one mode, or [n, m·d] by m modes joined by ``+``.

    Padding is on the right and is never pooled. A text without tokens gives zeros.
    """
    modes = pooling.split("+")
    if len(modes) > 1:
        return torch.cat([pool(states, mask, mode) for mode in modes], 1)
    kept = mask.unsqueeze(-1)
    lengths = kept.sum(1).clamp_min(1)
    if pooling == "cls":
        return states[:, 0] * kept[:, 0]
    if pooling == "lasttoken":
        last = (lengths - 1).unsqueeze(-1).expand(-1, 1, states.shape[-1])
        return (states * kept).gather(1, last).squeeze(1)
    if pooling == "max":
        most = states.masked_fill(kept == 0, -torch.inf).amax(1)
        return most.masked_fill(most == -torch.inf, 0)
    if pooling == "weightedmean":
        kept = kept * torch.arange(1, mask.shape[1] + 1, device=mask.device).view(1, -1, 1)
        return (states * kept).sum(1) / kept.sum(1).clamp_min(1)
    if pooling == "mean_sqrt_len_tokens":
        return (states * kept).sum(1) / lengths.sqrt()
    return (states * kept).sum(1) / lengths


def pool_joined(states: Tensor, texts: Joined, pooling: str) -> Tensor:
    """`pool` for concatenated texts: [T, d] states → [n, d] or [n, m·d]."""
    modes = pooling.split("+")
    if len(modes) > 1:
        return torch.cat([pool_joined(states, texts, mode) for mode in modes], 1)
    starts = texts.starts.long()
    lengths = starts.diff().unsqueeze(-1)
    if pooling in ("cls", "lasttoken"):
        token = starts[:-1] if pooling == "cls" else starts[1:] - 1
        return states.index_select(0, token.clamp(0, len(states) - 1)) * (lengths > 0)
    if pooling == "max":
        most = _reduce(states, "max", starts)
        return most.masked_fill(lengths == 0, 0)
    weights = lengths.clamp_min(1)
    if pooling == "weightedmean":
        states = states * (texts.places + 1).unsqueeze(-1)
        weights = (weights * (weights + 1)) // 2
    if pooling == "mean_sqrt_len_tokens":
        return _reduce(states, "sum", starts) / weights.sqrt()
    return _reduce(states, "sum", starts) / weights


def _reduce(states: Tensor, how: str, starts: Tensor) -> Tensor:
    # `unsafe` skips a check of the offsets that would make a GPU wait.
    return torch.segment_reduce(states.float(), how, offsets=starts, unsafe=True)
