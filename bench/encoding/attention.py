"""Attention that suits the device, and that handles concatenated texts.

transformers inspects every mask and drops it if nothing is padded. On a GPU that inspection waits
for all queued work, and the choice of kernel depends on the mask's values. Here the mask is always
passed on there, so no step waits and the same kernel runs in every step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from bench.encoding.within_texts import within_texts

SETTLED, LOOKING = "sdpa_settled", "sdpa_looking"
"""Names in transformers of this attention, with masks that are always kept, or looked into."""

REPLACED = ("sdpa", SETTLED, LOOKING)
"""Attention that gives way to this one."""

JOINS = frozenset({"bert", "distilbert", "roberta", "xlm-roberta"})
"""Model types that accept position ids and pass text boundaries on to attention."""


def settle(module: nn.Module, looking: bool) -> None:
    """Use this attention in every transformer within that has scaled dot-product attention.

    Args:
        looking: whether masks are looked into, and left out where they mask nothing.
    """
    for name, make in {SETTLED: kept_mask, LOOKING: mask}.items():
        AttentionInterface.register(name, attention)
        AttentionMaskInterface.register(name, make)
    for part in module.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation in REPLACED:
            part.set_attn_implementation(LOOKING if looking else SETTLED)


def joins(transformer: PreTrainedModel) -> bool:
    """Whether the transformer uses this attention and can read concatenated texts."""
    config = transformer.config
    return (
        config._attn_implementation in (SETTLED, LOOKING)
        and config.model_type in JOINS
        and not getattr(config, "is_decoder", False)
        and config.hidden_size // config.num_attention_heads % 8 == 0
    )


def mask(*args: Any, **options: Any) -> Tensor | None:
    """transformers' mask for scaled dot-product attention.

    `None` for concatenated texts, which need no mask.
    """
    return None if options.get("attention_mask") is None else sdpa_mask(*args, **options)


def kept_mask(*args: Any, **options: Any) -> Tensor | None:
    """The same, kept even if it masks nothing."""
    allowed = {"allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
    return mask(*args, **{**options, **allowed})


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
        scale = scale or query.shape[-1] ** -0.5
        output = within_texts(query, key, value, starts.diff().tolist(), scale, dropout)
    return output.unsqueeze(0), None
