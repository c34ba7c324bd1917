"""How long a text a transformer can read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import torch
from torch import nn

from bench.encoding._loading import encoder_class

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

TABLES = ("position_embeddings", "position_embedding", "embed_positions", "wpe")
"""Names of tables of absolute positions in transformers' models."""


def most_tokens(transformer: PreTrainedModel) -> int:
    """Most tokens of a text by the size of the position table; unlimited if there is none."""
    table = _table(transformer)
    return sys.maxsize if table is None else table.num_embeddings - first_position(transformer)


def first_position(transformer: PreTrainedModel) -> int:
    """The row of the position table that a text's first token has.

    Some models (RoBERTa, MPNet) begin after the padding's row, others (OPT) at an offset.
    """
    table = _table(transformer)
    if table is None:
        return 0
    before = 0 if table.padding_idx is None else table.padding_idx + 1
    return max(before, getattr(table, "offset", 0))


def _table(transformer: PreTrainedModel) -> nn.Embedding | None:
    for name, table in transformer.named_modules():
        if name.rpartition(".")[2] in TABLES and isinstance(table, nn.Embedding):
            return table
    return None


def most_positions(model: str, config: PreTrainedConfig) -> int:
    """`most_tokens` without loading weights; less if the configuration names a smaller limit."""
    limit = getattr(config, "max_position_embeddings", None) or 0
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        transformer = encoder_class(model, config).from_config(config, trust_remote_code=False)
    return min(most_tokens(transformer), limit if limit > 0 else sys.maxsize)
