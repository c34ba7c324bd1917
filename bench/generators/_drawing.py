"""Drawing each next token with a number that was fixed beforehand."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LogitsProcessor


class Draw(LogitsProcessor):
    """Leaves each row one token: where its number falls among the probabilities.

    Unlike transformers' own sampling, which draws for a whole batch from one stream, a row's tokens
    depend on the row alone. They stand in the vocabulary's order: sorted by probability, any two
    that are nearly equal would change places with the last bit.

    Args:
        numbers: uniform in [0, 1): [n, steps].
        top_k: so many of the likeliest tokens are drawn from; 0 is all.
    """

    def __init__(self, numbers: Tensor, top_k: int, temperature: float) -> None:
        self._numbers = numbers
        self._top_k = top_k
        self._temperature = temperature
        self._step = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        count = min(self._top_k or scores.shape[1], scores.shape[1])
        best, tokens = (scores.float() / self._temperature).topk(count)
        tokens, places = tokens.sort(1)
        best = best.gather(1, places)
        reached = best.softmax(1).cumsum(1)
        # Rounding can leave the last sum below 1: the last token that is possible is drawn then; of
        # 0 it is the first.
        number = self._numbers[:, self._step, None].minimum(reached[:, -1:])
        number = number.clamp_min(torch.finfo(number.dtype).tiny)
        drawn = tokens.gather(1, torch.searchsorted(reached, number))
        self._step += 1
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn, 0.0)
