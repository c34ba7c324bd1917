"""Encoders small enough to train in a second."""

from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from bench.encoding.models import BUNDLED, load_tokenizer


def write_model(folder: Path, width: int) -> Path:
    tokenizer = load_tokenizer(BUNDLED)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
