"""Reads the modules, prompts and similarity of a sentence-transformers folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench import encoding
from bench.encoding.models import (
    bundled,
    check_weights,
    load_config,
    locate,
    memoize,
    transformer_configs,
)
from bench.encoding.text_config import TextConfig
from bench.errors import InputError
from bench.lazy import Library
from bench.losses.signals import Similarity
from bench.storage.files import read_json

if TYPE_CHECKING:
    import safetensors
    import torch
    from transformers import PreTrainedModel

    from bench.encoding.encoder import Encoder
else:
    safetensors = Library("safetensors")
    torch = Library("torch")

Pooling = Literal["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
"""How the states of a text's tokens become one vector, by the names of sentence-transformers."""

FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Older names of the modes; vectors of several modes are concatenated in this order."""

PROMPTS = {"query": ("query",), "document": ("document", "passage", "corpus")}
"""Possible names of each side's prompt; the first one that the folder has is used."""

UNLIMITED = 1_000_000
"""Most tokens of a text if a folder sets no limit."""


@dataclass(frozen=True)
class EncoderModules:
    """The modules of one encoder; two are equal if their weights are, whatever their prompts.

    Attributes:
        body: folder of the transformer, or of a static encoder's table (then ``pooling`` is
            `None`).
        pooling: a mode, or several joined by ``+``, whose vectors are concatenated.
        dense: folder of the linear layer after the pooling; `None` for none.
        prompt: text put before every text.
    """

    body: Path
    pooling: str | None
    dense: Path | None
    prompt: str = field(compare=False)

    @property
    def side(self) -> TextConfig:
        return TextConfig(str(self.body), self.max_length, self.prompt)

    @cached_property
    def max_length(self) -> int:
        """Most tokens of a text: what the folder says, or what the transformer can read if less."""
        if self.pooling is None:  # the tokenizer sets the limit and counts no special tokens
            truncation = _optional(self.body / "tokenizer.json").get("truncation")
            return int(truncation["max_length"]) + sum(self._ends) if truncation else UNLIMITED
        return min(self.declared_length or UNLIMITED, most_tokens_of(str(self.body)))

    @cached_property
    def declared_length(self) -> int | None:
        """Most tokens of a text as the folder says, which may exceed what it can read."""
        config: dict[str, Any] = next((read(file) for file in transformer_configs(self.body)), {})
        tokenizer = _optional(self.body / "tokenizer_config.json")
        return config.get("max_seq_length") or tokenizer.get("model_max_length")

    def load(self, similarity: Similarity) -> Encoder:
        if self.pooling is None:
            return self.add_head(self._static(similarity))
        return self.pooled(encoding.load_transformer(str(self.body)), self.pooling, similarity)

    def pooled(self, transformer: PreTrainedModel, pooling: str, similarity: Similarity) -> Encoder:
        """An encoder of this transformer, with the folder's linear layer."""
        return self.add_head(encoding.TransformerEncoder(transformer, pooling, similarity))

    def add_head(self, encoder: Encoder) -> Encoder:
        """The encoder, with the folder's linear layer as its head if there is one."""
        if self.dense:
            encoder.head = _dense(self.dense)
            if encoder.head.in_features != encoder.pooled_width:
                raise InputError(
                    f"model {str(self.body)!r}: its linear layer takes vectors "
                    f"{encoder.head.in_features} wide, and these are {encoder.pooled_width}"
                )
        return encoder

    @cached_property
    def _ends(self) -> tuple[int, int]:
        """How many special tokens the tokenizer puts before and after a text."""
        form = encoding.JointForm.of(encoding.load_tokenizer(str(self.body)))
        return form.head, form.tail

    def _static(self, similarity: Similarity) -> Encoder:
        return encoding.StaticEncoder(_table(self.body), *self._ends, similarity)


@dataclass(frozen=True)
class Modules:
    """The encoders of queries and documents, and the similarity of their vectors.

    Attributes:
        notes: what a reader might not expect of the folder, one sentence each.
    """

    queries: EncoderModules
    documents: EncoderModules
    similarity: Similarity
    notes: tuple[str, ...]


@memoize
def read_modules(model: str) -> Modules:
    """The modules of a folder or hub id.

    Raises:
        InputError: it is no sentence-transformers folder, or has an unknown module.
    """
    folder = locate(model)
    if not (folder / "modules.json").is_file():
        raise InputError(f"model {model!r}: {folder} has no modules.json; is it `pretrained`?")
    modules = _listed(model, folder)
    config = _optional(folder / "config_sentence_transformers.json")
    if modules[0][0] == "Router":
        router = read(modules[0][1] / "router_config.json")
        routes = {
            route: [(_kind(model, router["types"][name]), modules[0][1] / name) for name in names]
            for route, names in router["structure"].items()
        }
        if set(routes) != {"query", "document"}:
            raise InputError(f"model {model!r}: routes {sorted(routes)}, not query and document")
        rest = modules[1:]
    else:
        routes, rest = {"query": modules, "document": modules}, []
    encoders = {route: [*steps, *rest] for route, steps in routes.items()}
    prompts, notes = read_prompts(config)
    sides = {route: _encoder(model, steps, prompts[route]) for route, steps in encoders.items()}
    name = config.get("similarity_fn_name") or "cosine"
    normalised = ["Normalize" in dict(steps) for steps in encoders.values()]
    similarity = _similarity(model, name, normalised)
    for kind, part in dict.fromkeys(module for steps in encoders.values() for module in steps):
        if kind == "Pooling" and not (part / "config.json").is_file():
            notes.append(f"{part.name}/config.json is not there, so the mean is pooled")
    named = tuple(f"{model}: {note}" for note in notes)
    return Modules(sides["query"], sides["document"], similarity, named)


def read_prompts(config: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """(prompt by side, notes about them) from a folder's configuration.

    The folder's default prompt is used for a side without its own, unless it is another side's.
    """
    given = {name: text for name, text in (config.get("prompts") or {}).items() if text is not None}
    default = config.get("default_prompt_name")
    owned = {name for names in PROMPTS.values() for name in names}
    prompts, used, notes = {}, set(), []
    for side, names in PROMPTS.items():
        chosen = next((name for name in names if name in given), None)
        if chosen is None and default in given and default not in owned:
            chosen = default
        if chosen and chosen != side:
            notes.append(f"its prompt {chosen!r} is written before every {side}")
        prompts[side] = given[chosen] if chosen else ""
        used.add(chosen)
    if unused := [name for name, text in given.items() if text and name not in used]:
        notes.append(f"its prompts {', '.join(map(repr, unused))} are not used")
    return prompts, notes


def _similarity(model: str, name: str, normalised: list[bool]) -> Similarity:
    if name == "cosine" or (name == "dot" and all(normalised)):
        return "cosine"
    if name == "dot" and not any(normalised):
        return "dot"
    what = "one side normalised" if any(normalised) and not all(normalised) else name
    raise InputError(f"model {model!r}: vectors compared by {what} are not understood")


def _listed(model: str, folder: Path) -> list[tuple[str, Path]]:
    """(kind, folder) of each module that a folder's modules.json names, in order."""
    listed = read(folder / "modules.json")
    try:
        modules = [(module["type"], folder / module["path"]) for module in listed]
    except (TypeError, KeyError):
        modules = []
    if not modules:
        raise InputError(f"model {model!r}: its modules.json is no list of modules")
    return [(_kind(model, name), place) for name, place in modules]


def _kind(model: str, type_name: str) -> str:
    if not type_name.startswith("sentence_transformers."):
        raise InputError(
            f"model {model!r} needs its own code (the module {type_name}), which is not run here"
        )
    return type_name.rpartition(".")[2]


def _encoder(model: str, modules: list[tuple[str, Path]], prompt: str) -> EncoderModules:
    kinds = [kind for kind, _ in modules]
    folders = dict(modules)
    shapes = (["Transformer", "Pooling"], ["StaticEmbedding"])
    ends: tuple[list[str], ...] = ([], ["Dense"], ["Normalize"], ["Dense", "Normalize"])
    if kinds not in [[*shape, *end] for shape in shapes for end in ends]:
        raise InputError(
            f"model {model!r}: modules {', '.join(kinds)} in this order are not understood; "
            "known are Transformer and Pooling, or StaticEmbedding, then Dense, then Normalize"
        )
    for kind in ("Transformer", "Dense"):  # Pooling needs none: the mean is used, with a note
        if kind in folders and not (path := folders[kind] / "config.json").is_file():
            raise InputError(
                f"model {model!r}: its modules.json names a {kind}, and there is no {path}"
            )
    dense = folders.get("Dense")
    if dense:
        _check_dense(model, dense)
    body = folders.get("Transformer") or folders["StaticEmbedding"]
    check_weights(model, body)
    if "Pooling" not in folders:
        return EncoderModules(body, None, dense, prompt)
    config = _optional(folders["Pooling"] / "config.json")
    if prompt and not config.get("include_prompt", True):
        raise InputError(f"model {model!r}: a pooling that leaves out the prompt is not known")
    pooling = _pooling(model, config)
    if dense:
        _check_width(model, read(dense / "config.json").get("in_features"), str(body), pooling)
    return EncoderModules(body, pooling, dense, prompt)


@memoize
def most_tokens_of(model: str) -> int:
    """Most tokens of a text that a model can read, found without loading weights.

    Raises:
        InputError: it is no encoder.
    """
    if Path(model) == bundled():
        return 512  # without importing transformers, which is slow

    return encoding.most_positions(model, load_config(model))


def _pooling(model: str, config: Mapping[str, Any]) -> str:
    given = config.get("pooling_mode") or [name for flag, name in FLAGS.items() if config.get(flag)]
    modes = [given] if isinstance(given, str) else list(given)
    if unknown := [mode for mode in modes if mode not in FLAGS.values()]:
        raise InputError(
            f"model {model!r}: the pooling {unknown[0]!r} is none of {', '.join(FLAGS.values())}"
        )
    return "+".join(modes) or "mean"


def _check_dense(model: str, folder: Path) -> None:
    config = read(folder / "config.json")
    linear = str(config.get("activation_function", "")).endswith("Identity")
    whole = config.get("module_input_name", "sentence_embedding") == "sentence_embedding"
    if not linear or not whole or config.get("use_residual"):
        raise InputError(
            f"model {model!r}: a Dense module that is no plain linear layer is not understood"
        )
    check_weights(model, folder)


def _check_width(model: str, taken: int | None, body: str, pooling: str) -> None:
    given = load_config(body).hidden_size * len(pooling.split("+"))
    if taken not in (None, given):
        raise InputError(
            f"model {model!r}: its linear layer takes vectors {taken} wide, and these are {given}"
        )


def _dense(folder: Path) -> Any:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    weight = state["linear.weight"]
    head = torch.nn.Linear(weight.shape[1], weight.shape[0], bias="linear.bias" in state)
    head.load_state_dict({name.removeprefix("linear."): value for name, value in state.items()})
    return head


def _table(folder: Path) -> Any:
    """The [vocabulary, d] table of a static encoder, from sentence-transformers or model2vec.

    In model2vec's files, tokens may share a row (``mapping``) and have factors (``weights``).
    """
    state = safetensors.torch.load_file(folder / "model.safetensors")
    if "embedding.weight" in state:
        return state["embedding.weight"].float()
    if "embeddings" not in state:
        raise InputError(f"model {str(folder)!r}: no table of embeddings among {sorted(state)}")
    table = state["embeddings"].float()
    if "mapping" in state:
        table = table[state["mapping"].long()]
    return table * state["weights"].float().unsqueeze(1) if "weights" in state else table


def read(path: Path) -> Any:
    """The content of a model's JSON file.

    Raises:
        InputError: it is missing or no JSON.
    """
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _optional(path: Path) -> dict[str, Any]:
    return read(path) if path.is_file() else {}
