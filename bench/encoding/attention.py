"""Attention that never waits for its mask, and that reads texts one behind another.

transformers' own looks into every mask, to leave it out where nothing is padded. On a GPU that look
waits for all that was queued before, and the kernel depends on what the mask says; so there the
mask is always given, and the same kernel runs in every step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_settled"
"""As transformers knows it."""

JOINS = frozenset({"bert", "distilbert", "roberta", "xlm-roberta"})
"""Types of models that take positions and pass on where texts start."""


def settle(module: nn.Module) -> None:
    """Let every transformer within, where it computes scaled dot-product attention, do so."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, mask)
    for part in module.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation == "sdpa":
            part.set_attn_implementation(NAME)


def joins(transformer: PreTrainedModel) -> bool:
    """Whether it was settled, and reads texts that stand one behind another."""
    config = transformer.config
    return (
        config._attn_implementation == NAME
        and config.model_type in JOINS
        and not getattr(config, "is_decoder", False)
        and config.hidden_size // config.num_attention_heads % 8 == 0
    )


def mask(*args: Any, **options: Any) -> Tensor | None:
    """transformers' mask for scaled dot-product attention, also where it masks nothing; none of
    texts that stand one behind another."""
    if options.get("attention_mask") is None:
        return None
    allowed = {"allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
    return sdpa_mask(*args, **{**options, **allowed})


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention of [n, heads, length, d]; with ``cu_seq_lens_q``, of texts one
    behind another [1, heads, T, d]."""
    starts = options.pop("cu_seq_lens_q", None)
    if starts is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    query, key, value = (side[0].transpose(0, 1) for side in (query, key, value))
    longest, dropout = options["max_length_q"], options.get("dropout", 0.0)
    scale = options.get("scaling")
    if query.is_cuda and query.dtype != torch.float32:
        # torch's own public form of it, `varlen_attn`, knows no dropout, with which BERT trains.
        read, *_ = torch.ops.aten._flash_attention_forward(
            query, key, value, starts, starts, longest, longest, dropout, False, False, scale=scale
        )
    else:
        read = _one_by_one(query, key, value, starts.diff().tolist(), dropout, scale)
    return read.unsqueeze(0), None


def _one_by_one(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: list[int],
    dropout: float,
    scale: float | None,
) -> Tensor:
    """The same, where there is no FlashAttention."""
    sides = (side.transpose(0, 1).split(lengths, 1) for side in (query, key, value))
    found = [
        scaled_dot_product_attention(asking, asked, said, dropout_p=dropout, scale=scale)
        for asking, asked, said in zip(*sides, strict=True)
    ]
    return torch.cat(found, 1).transpose(0, 1)
