"""Embeds a few texts that belong to no collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.encoding.device import Device
from bench.encoding.encoder import Encoder
from bench.encoding.models import load_tokenizer

if TYPE_CHECKING:
    from bench.encoding.text_config import TextConfig


@torch.inference_mode()
def embed(encoder: Encoder, side: TextConfig, texts: Sequence[str], device: Device) -> Tensor:
    """Vectors of these texts, ready for a dot product: [n, d] float32 on the device.

    Args:
        side: how queries, or how documents, are read.
    """
    tokenizer = load_tokenizer(side.model)
    prompted = [side.prompt + text for text in texts]
    rows = tokenizer(prompted, truncation=True, max_length=side.max_length)["input_ids"]
    ids = [np.asarray(row, dtype=np.int64) for row in rows]
    placed = device.place(encoder).eval()
    packed = placed.pack(ids, tokenizer.pad_token_id or 0, device)
    return placed.normalised(placed.embed(packed, device))
