"""Tiny folders of sentence-transformers, written file by file as they are found in the world."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

from bench.encoding.models import BUNDLED, load_tokenizer

PLACES = {
    "Transformer": "",
    "StaticEmbedding": "",
    "Pooling": "1_Pooling",
    "Dense": "2_Dense",
    "Normalize": "3_Normalize",
}
MEAN = {"pooling_mode_mean_tokens": True}


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def change(path: Path, **values) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def write_plain(folder: Path, kind: type[PreTrainedModel], **config) -> Path:
    """A transformer drawn at random, its texts far apart, and the bundled tokenizer."""
    tokenizer = load_tokenizer(BUNDLED)
    torch.manual_seed(0)
    model = kind(kind.config_class(vocab_size=len(tokenizer), **config))
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # BERT's own would give token types, which GPT-2 takes for words.
    change(folder / "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    return folder


def describe(
    folder: Path,
    pooling=MEAN,
    kinds=("Transformer", "Pooling"),
    body: str = "",
    length: int | None = None,
    lower: bool = False,
    **config,
) -> Path:
    """Say of a folder what it is made of.

    Args:
        body: where its transformer is, below the folder.
        config: of config_sentence_transformers.json.
    """
    places = {**PLACES, "Transformer": body}
    listed = [
        {"idx": at, "name": str(at), "path": places[kind], "type": f"{MODULES}.{kind}"}
        for at, kind in enumerate(kinds)
    ]
    write_json(folder / "modules.json", listed)
    if "Pooling" in kinds:
        write_json(folder / PLACES["Pooling"] / "config.json", WIDTH | pooling)
    write_json(folder / "config_sentence_transformers.json", config)
    said = {"max_seq_length": length} if length else {}
    if said or lower:
        said["do_lower_case"] = lower
        write_json(folder / body / "sentence_bert_config.json", said)
    return folder


MODULES = "sentence_transformers.models"
WIDTH = {"word_embedding_dimension": 32}


def write_dense(folder: Path, width: int = 32, to: int = 8, bias: bool = True, **config) -> Path:
    """The linear layer behind it."""
    place = folder / PLACES["Dense"]
    identity = "torch.nn.modules.linear.Identity"
    about = {"in_features": width, "out_features": to, "bias": bias}
    write_json(place / "config.json", about | {"activation_function": identity} | config)
    torch.manual_seed(1)
    layer = torch.nn.Linear(width, to, bias=bias)
    save_file(
        {f"linear.{name}": value for name, value in layer.state_dict().items()},
        place / "model.safetensors",
    )
    return folder
