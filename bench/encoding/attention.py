"""Attention that never waits for its mask.

transformers' own looks into every mask, to leave it out where nothing is padded. On a GPU that look
waits for all that was queued before, and the kernel depends on what the mask says; so there the
mask is always given, and the same kernel runs in every step.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_masked"
"""As transformers knows it."""


def masked(*args: Any, **options: Any) -> Tensor | None:
    """transformers' mask for scaled dot-product attention, also where it masks nothing."""
    allowed = {"allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
    return sdpa_mask(*args, **{**options, **allowed})


def always_mask(module: nn.Module) -> None:
    """Let every transformer within, where it computes scaled dot-product attention, do so."""
    AttentionInterface.register(NAME, sdpa_attention_forward)
    AttentionMaskInterface.register(NAME, masked)
    for part in module.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation == "sdpa":
            part.set_attn_implementation(NAME)
