"""Attention that never reads its mask on the host, and that handles concatenated texts.

transformers inspects every mask and drops it if nothing is padded. On a GPU that inspection waits
for all queued work, and the choice of kernel depends on the mask's values. Here the mask is always
passed on, so no step waits and the same kernel runs in every step.
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
"""Name under which this attention is registered in transformers."""

JOINS = frozenset({"bert", "distilbert", "roberta", "xlm-roberta"})
"""Model types that accept position ids and pass text boundaries on to attention."""


def settle(module: nn.Module) -> None:
    """Use this attention in every transformer within that has scaled dot-product attention."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, mask)
    for part in module.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation == "sdpa":
            part.set_attn_implementation(NAME)


def joins(transformer: PreTrainedModel) -> bool:
    """Whether the transformer uses this attention and can read concatenated texts."""
    config = transformer.config
    return (
        config._attn_implementation == NAME
        and config.model_type in JOINS
        and not getattr(config, "is_decoder", False)
        and config.hidden_size // config.num_attention_heads % 8 == 0
    )


def mask(*args: Any, **options: Any) -> Tensor | None:
    """transformers' mask for scaled dot-product attention, kept even if it masks nothing.

    `None` for concatenated texts, which need no mask.
    """
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
    """Scaled dot-product attention of [n, heads, length, d].

    With ``cu_seq_lens_q`` (where each text starts), of concatenated texts [1, heads, T, d].
    """
    starts = options.pop("cu_seq_lens_q", None)
    if starts is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    query, key, value = (side[0].transpose(0, 1) for side in (query, key, value))
    longest, dropout = options["max_length_q"], options.get("dropout", 0.0)
    scale = options.get("scaling")
    if query.is_cuda and query.dtype != torch.float32:
        # torch's public function, `varlen_attn`, has no dropout, with which BERT trains.
        output, *_ = torch.ops.aten._flash_attention_forward(
            query, key, value, starts, starts, longest, longest, dropout, False, False, scale=scale
        )
    else:
        output = _one_by_one(query, key, value, starts.diff().tolist(), dropout, scale)
    return output.unsqueeze(0), None


def _one_by_one(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: list[int],
    dropout: float,
    scale: float | None,
) -> Tensor:
    """Attention within each text, one text at a time, where there is no FlashAttention.

    Args:
        query, key, value: [T, heads, d] of concatenated texts.
        lengths: tokens of each text.
    """
    sides = (side.transpose(0, 1).split(lengths, 1) for side in (query, key, value))
    outputs = [
        scaled_dot_product_attention(queries, keys, values, dropout_p=dropout, scale=scale)
        for queries, keys, values in zip(*sides, strict=True)
    ]
    return torch.cat(outputs, 1).transpose(0, 1)
