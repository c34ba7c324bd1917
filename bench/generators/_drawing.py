"""Samples each next token by a random number that is fixed beforehand."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LogitsProcessor


class Draw(LogitsProcessor):
    """Masks all tokens of each row but one, chosen by the row's number and the probabilities.

    transformers' own sampling draws for a whole batch from one random stream; here a row's tokens
    depend on the row alone. Probabilities are summed in the vocabulary's order: sorted by
    probability, rounding errors could swap tokens that are nearly equally likely.

    Args:
        numbers: uniform in [0, 1): [n, steps].
        top_k: draw from this many of the likeliest tokens; 0 means all.
        temperature: divides the logits.
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
        # Rounding can leave the last sum below 1, so numbers are capped at it. Numbers are kept
        # above 0, so that a token with probability 0 is never drawn.
        number = self._numbers[:, self._step, None].minimum(reached[:, -1:])
        number = number.clamp_min(torch.finfo(number.dtype).tiny)
        drawn = tokens.gather(1, torch.searchsorted(reached, number))
        self._step += 1
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn, 0.0)
