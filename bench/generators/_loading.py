"""Loads encoder–decoders from disk or a hub: safetensors only, no code is run."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM
from transformers.utils import logging

from bench.encoding.models import locate
from bench.errors import InputError


def load_seq2seq(model: str) -> Any:
    """The encoder–decoder in float32, without dropout.

    Raises:
        InputError: the model is no encoder–decoder, or has no weights in safetensors.
    """
    folder = locate(model)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if type(config) not in AutoModelForSeq2SeqLM._model_mapping:
        raise InputError(f"model {model!r}: a {config.model_type} model is no encoder–decoder")
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # hides warnings about options of beam search, not used here
    try:
        return AutoModelForSeq2SeqLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        ).eval()
    finally:
        logging.set_verbosity(verbosity)
