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
"""What tables of positions are called."""


def most_tokens(transformer: PreTrainedModel) -> int:
    """Its table of positions says, where it has one."""
    table = _table(transformer)
    return sys.maxsize if table is None else table.num_embeddings - first_position(transformer)


def first_position(transformer: PreTrainedModel) -> int:
    """Some (RoBERTa, MPNet) count from behind that of the padding, others (OPT) from an offset."""
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
    """The same, or less where the configuration says so, of weights that are not loaded."""
    said = getattr(config, "max_position_embeddings", None) or 0
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        drawn = encoder_class(model, config).from_config(config, trust_remote_code=False)
    return min(most_tokens(drawn), said if said > 0 else sys.maxsize)
