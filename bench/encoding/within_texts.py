"""Attention within each of several concatenated texts, on a CPU.

Neighbours of one length are computed together, so nothing is padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from bench.encoding.dropout import factors


def within_texts(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float, dropout: float
) -> Tensor:
    """softmax(scale · Q Kᵀ) V of each text for itself: [T, heads, d].

    Args:
        query, key, value: [T, heads, d] of concatenated texts.
        lengths: tokens of each text.
        dropout: probability that a weight is dropped after the softmax.
    """
    runs = Runs.of(lengths, query.shape[1])
    if dropout:
        output: Tensor = _WithDropout.apply(query, key, value, runs, scale, dropout)
        return output
    sides = (
        [part.transpose(1, 2) for part in runs.of_tokens(side)] for side in (query, key, value)
    )
    outputs = [
        scaled_dot_product_attention(asked, found, mixed, scale=scale)
        for asked, found, mixed in zip(*sides, strict=True)
    ]
    return torch.cat([output.transpose(1, 2).flatten(0, 1) for output in outputs])


@dataclass(frozen=True)
class Runs:
    """Neighbours of one length among concatenated texts, and views of their tensors.

    Attributes:
        each: (texts, tokens of each) of every run.
        heads: of the attention.
    """

    each: tuple[tuple[int, int], ...]
    heads: int

    @classmethod
    def of(cls, lengths: Sequence[int], heads: int) -> Runs:
        runs = ((len([*texts]), length) for length, texts in groupby(lengths))
        return cls(tuple((texts, length) for texts, length in runs if length), heads)

    def of_tokens(self, side: Tensor) -> list[Tensor]:
        """[T, heads, d] → [texts, length, heads, d] for every run."""
        parts = side.split([texts * length for texts, length in self.each])
        return [part.unflatten(0, run) for part, run in zip(parts, self.each, strict=True)]

    def of_heads(self, flat: Tensor, width: int) -> list[Tensor]:
        """[T · heads · d] → [texts · heads, length, d] for every run."""
        return self._views(flat, [width] * len(self.each))

    def of_pairs(self, flat: Tensor) -> list[Tensor]:
        """[Σ texts · heads · length²] → [texts · heads, length, length] for every run."""
        return self._views(flat, [length for _, length in self.each])

    @property
    def pairs(self) -> int:
        """How many weights the attention has."""
        return self.heads * sum(texts * length**2 for texts, length in self.each)

    def by_head(self, side: Tensor) -> Tensor:
        """[T, heads, d] with heads before tokens in every run: [T · heads · d]."""
        flat = side.new_empty(side.numel())
        for tokens, heads in zip(
            self.of_tokens(side), self.of_heads(flat, side.shape[2]), strict=True
        ):
            heads.view(*tokens.transpose(1, 2).shape).copy_(tokens.transpose(1, 2))
        return flat

    def by_token(self, flat: Tensor, width: int) -> Tensor:
        """The inverse of `by_head`."""
        side = flat.new_empty(flat.numel() // (self.heads * width), self.heads, width)
        for tokens, heads in zip(self.of_tokens(side), self.of_heads(flat, width), strict=True):
            tokens.transpose(1, 2).copy_(heads.view(*tokens.transpose(1, 2).shape))
        return side

    def _views(self, flat: Tensor, widths: list[int]) -> list[Tensor]:
        shapes = [
            (texts * self.heads, length, width)
            for (texts, length), width in zip(self.each, widths, strict=True)
        ]
        parts = flat.split([rows * length * width for rows, length, width in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


class _WithDropout(torch.autograd.Function):
    """Written out, because autograd's share of so many small products is large, and so that one
    draw gives the masks of all of them."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        runs: Runs,
        scale: float,
        dropout: float,
    ) -> Tensor:
        width = query.shape[2]
        sides = [runs.by_head(side) for side in (query, key, value)]
        weights = query.new_empty(runs.pairs)
        queries, keys, values = (runs.of_heads(side, width) for side in sides)
        for asked, found, pairs in zip(queries, keys, runs.of_pairs(weights), strict=True):
            torch.baddbmm(pairs, asked, found.mT, beta=0, alpha=scale, out=pairs)
            torch.softmax(pairs, -1, out=pairs)
        dropped = factors(weights, dropout).mul_(weights)
        output = torch.empty_like(sides[0])
        for pairs, found, mixed in zip(
            runs.of_pairs(dropped), values, runs.of_heads(output, width), strict=True
        ):
            torch.bmm(pairs, found, out=mixed)
        ctx.save_for_backward(*sides, weights, dropped)
        ctx.runs, ctx.scale, ctx.width = runs, scale, width
        return runs.by_token(output, width)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *sides, weights, dropped = ctx.saved_tensors
        runs, scale, width = ctx.runs, ctx.scale, ctx.width
        queries, keys, values = (runs.of_heads(side, width) for side in sides)
        mixed = runs.of_heads(runs.by_head(gradient), width)
        of_sides = [torch.empty_like(side) for side in sides]
        of_queries, of_keys, of_values = (runs.of_heads(side, width) for side in of_sides)
        of_weights = torch.empty_like(weights)
        for run in zip(
            runs.of_pairs(dropped),
            mixed,
            values,
            of_values,
            runs.of_pairs(of_weights),
            strict=True,
        ):
            pairs, of_mixed, found, of_found, of_pairs = run
            torch.bmm(pairs.mT, of_mixed, out=of_found)
            torch.bmm(of_mixed, found.mT, out=of_pairs)
        of_weights *= dropped
        for at, (pairs, of_pairs) in enumerate(
            zip(runs.of_pairs(weights), runs.of_pairs(of_weights), strict=True)
        ):
            # The softmax's gradient; of_pairs has been multiplied by the (dropped) weights already.
            of_pairs.addcmul_(pairs, of_pairs.sum(-1, keepdim=True), value=-1)
            of_query, of_key = of_queries[at], of_keys[at]
            torch.baddbmm(of_query, of_pairs, keys[at], beta=0, alpha=scale, out=of_query)
            torch.baddbmm(of_key, of_pairs.mT, queries[at], beta=0, alpha=scale, out=of_key)
        return (*(runs.by_token(side, width) for side in of_sides), None, None, None)
