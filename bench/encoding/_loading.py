"""Loads architectures and weights from a folder; what does not fit is refused in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import InputError
from bench.lazy import Library
from bench.storage.files import read_json

if TYPE_CHECKING:
    import safetensors
    import torch
    import transformers
    from transformers import PreTrainedConfig, PreTrainedModel
else:
    safetensors = Library("safetensors")
    torch = Library("torch")
    transformers = Library("transformers")

CONVERT = (
    "convert it once, where you trust it: SentenceTransformer({folder!r}).save_pretrained(…), or "
    "AutoModel.from_pretrained({folder!r}).save_pretrained(…), writes safetensors"
)
"""Advice for pickled weights, which are never opened here: how to convert them to safetensors."""


def check_weights(model: str, folder: Path) -> None:
    """Check that the folder has all weights in safetensors.

    Raises:
        InputError: there are none, or shards are missing.
    """
    if (index := folder / "model.safetensors.index.json").is_file():
        named = set(read_json(index)["weight_map"].values())
        if lost := sorted(name for name in named if not (folder / name).is_file()):
            raise InputError(f"model {model!r}: {len(lost)} of its files are missing: {lost[0]}, …")
    elif not (folder / "model.safetensors").is_file():
        where = folder.name if folder.parent.joinpath("modules.json").is_file() else str(folder)
        if pickled := sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]):
            advice = CONVERT.format(folder=model)
            raise InputError(
                f"model {model!r}: {where} has no weights in safetensors, only "
                f"{pickled[0].name}; {advice}"
            )
        if (folder / "adapter_model.safetensors").is_file():
            raise InputError(f"model {model!r}: {where} is an adapter; merge it with its model")
        raise InputError(f"model {model!r}: {where} has no weights in safetensors")


def read_config(model: str, folder: Path) -> PreTrainedConfig:
    """The architecture that a folder's config.json describes.

    Raises:
        InputError: the model needs its own code, or transformers does not know it.
    """
    try:
        return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers has no error class for what it cannot read
        if "auto_map" in _raw(folder / "config.json"):
            raise InputError(
                f"model {model!r} needs its own code, which is not run here"
            ) from error
        raise InputError(f"model {model!r}: its config.json: {_first_line(error)}") from error


def encoder_class(model: str, config: PreTrainedConfig) -> Any:
    """The automatic class of transformers that loads the encoder (of T5-like models, that half).

    Raises:
        InputError: the model is an encoder-decoder and has no class for its encoder alone; it
            would return the states of its decoder.
    """
    name = transformers.models.auto.modeling_auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.get(
        config.model_type, ""
    )
    if name.endswith("EncoderModel"):
        return transformers.AutoModelForTextEncoding
    if config.is_encoder_decoder:
        raise InputError(
            f"model {model!r} is an encoder-decoder ({config.model_type}), whose states are its "
            "decoder's; name an encoder"
        )
    return transformers.AutoModel


def load(
    kind: Any, model: str, folder: Path, may_lack: Callable[[str, str], bool], **options: Any
) -> PreTrainedModel:
    """A model in float32, with every weight read from the folder's files.

    Args:
        kind: the automatic class of transformers.
        may_lack: takes the prefix of the model's encoder and the name of a weight, and says
            whether that weight may be missing.

    Raises:
        InputError: the files cannot be read, lack weights, or hold weights of another shape.
    """
    logging = transformers.utils.logging
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # hides "newly initialized: pooler", which is harmless
    try:
        loaded, info = kind.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **options,
        )
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # every architecture has errors of its own
        raise InputError(f"model {model!r} cannot be loaded: {_first_line(error)}") from error
    finally:
        logging.set_verbosity(verbosity)
    prefix = loaded.base_model_prefix
    lost = {name for name in info["missing_keys"] if not may_lack(prefix, name)}
    if missing := [name for name in loaded.state_dict() if name in lost] or sorted(lost):
        names = f"{', '.join(missing[:3])}{', …' if missing[3:] else ''}"
        raise InputError(
            f"model {model!r}: {len(missing)} of its weights are not in its files: "
            f"{names}{_hint_at_prefix(folder, missing[0])}"
        )
    if sizes := sorted(info["mismatched_keys"]):
        name, stored, expected = sizes[0]
        raise InputError(
            f"model {model!r}: {len(sizes)} of its weights have another shape than its config.json "
            f"says, the first {name}: {list(stored)}, not {list(expected)}"
        )
    return loaded


def is_none(prefix: str, name: str) -> bool:
    """Never: no weight may be missing."""
    return False


def is_pooler(prefix: str, name: str) -> bool:
    """Whether a weight belongs to the pooling head, which bi-encoders do not use."""
    return "pooler" in name.split(".")


def is_head(prefix: str, name: str) -> bool:
    """Whether a weight belongs to the layers after the encoder."""
    return is_pooler(prefix, name) or not name.startswith(f"{prefix}.")


def check_states(model: str, transformer: PreTrainedModel) -> None:
    """Check that the model returns one state per token, which the pooling needs.

    Raises:
        InputError: it does not, or needs other inputs than the tokens of a text.
    """
    ids = torch.ones(1, 2, dtype=torch.long)
    try:
        with torch.inference_mode():
            output = transformer.eval()(input_ids=ids, attention_mask=ids)
        states = getattr(output, "last_hidden_state", None)
    except Exception:  # it wants images, a decoder's input, …; errors differ by architecture
        states = None
    if states is None or states.shape != (1, 2, transformer.config.hidden_size):
        kind = transformer.config.model_type
        raise InputError(f"model {model!r}: {kind} gives no states of tokens, which are pooled")


def _hint_at_prefix(folder: Path, name: str) -> str:
    """A hint, if the folder's files hold the weight under a longer name; else empty."""
    for file in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(file, framework="pt") as weights:
            if prefix := _prefix(weights.keys(), name):
                return (
                    f"; in {file.name} they are named {prefix}…: save that encoder by itself, "
                    "without what is wrapped around it"
                )
    return ""


def _prefix(names: Iterable[str], name: str) -> str:
    """The prefix with which ``name`` occurs among ``names``; empty if it does not."""
    return next((one.removesuffix(name) for one in names if one.endswith(f".{name}")), "")


def _raw(path: Path) -> dict[str, Any]:
    """A JSON file's content; empty if it cannot be read."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
