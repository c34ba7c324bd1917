"""Writes tiny random models in place of those that a study names."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.encoding.models import bundled
from bench.lazy import Library
from bench.miniature import NARROWER
from bench.storage.files import atomic_folder, write_json

if TYPE_CHECKING:
    import torch
    import transformers
else:
    torch = Library("torch")
    transformers = Library("transformers")

KINDS = ("distilbert", "modernbert", "mpnet", "roberta", "electra", "bart", "t5")
"""Architectures that are recognised in a model's name; anything else is a BERT."""


def write_model(name: str, folder: Path) -> Path:
    """The folder of a model's stand-in, which is written if it does not exist.

    It has the architecture that the name suggests, the bundled tokenizer, and weights that only
    depend on the name. Encoders get twelve layers, a classification head with one output, and the
    files of sentence-transformers, so that a study can use them as any kind of model.
    """
    place = folder / name.replace("/", "--")
    if place.exists():
        return place
    with atomic_folder(place) as aside, torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(name.encode()))
        _write(name, aside)
    return place


def width(name: str) -> int:
    """Width of the stand-in's vectors, from the real width that the name suggests."""
    match = re.search(r"[Hh]-?(\d{3,4})\b", name)
    if match:
        return int(match[1]) // NARROWER
    sizes = {"minilm": 384, "small": 384, "large": 1024}
    return next((size for word, size in sizes.items() if word in name.lower()), 768) // NARROWER


def _write(name: str, folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled(), trust_remote_code=False)
    kind = next((kind for kind in KINDS if kind in name.lower()), "bert")
    writes = kind in ("bart", "t5")
    about = _sizes(width(name), layers=1 if writes else 12) | {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "decoder_start_token_id": tokenizer.cls_token_id,
        "forced_eos_token_id": None,
        "num_labels": 1,
        "max_position_embeddings": 514 if kind in ("mpnet", "roberta") else 512,
        "init_std": 0.5,  # large enough that generated texts depend on the input
        "initializer_factor": 3.0,
    }
    config = transformers.AutoConfig.for_model(kind, **about)
    auto = (
        transformers.AutoModelForSeq2SeqLM
        if writes
        else transformers.AutoModelForSequenceClassification
    )
    transformers.utils.logging.disable_progress_bar()
    auto.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if not writes:
        types = {"": "Transformer", "1_Pooling": "Pooling"}
        modules = [
            {
                "idx": at,
                "name": str(at),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for at, (path, kind) in enumerate(types.items())
        ]
        write_json(folder / "modules.json", modules)
        write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})


def _sizes(width: int, layers: int) -> dict[str, Any]:
    """The sizes under all names that the architectures' configurations use for them."""
    forward = ("intermediate_size", "hidden_dim", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff")
    names = [
        (width, ("hidden_size", "dim", "d_model", "embedding_size", "d_kv")),
        (2 * width, forward),
        (layers, ("num_hidden_layers", "n_layers", "encoder_layers", "decoder_layers")),
        (layers, ("num_layers", "num_decoder_layers")),
        (1, ("num_attention_heads", "n_heads", "num_heads")),
        (1, ("encoder_attention_heads", "decoder_attention_heads")),
    ]
    return {name: size for size, some in names for name in some}
