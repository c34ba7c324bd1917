"""What a folder of sentence-transformers says it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.encoding.models import locate
from bench.errors import InputError
from bench.files import read_json
from bench.losses.signals import Similarity
from bench.students.base import Side

if TYPE_CHECKING:
    from bench.encoding.encoder import Encoder

PoolingName = Literal["mean", "cls", "max"]

_POOLING: dict[str, PoolingName] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
}

UNLIMITED = 1_000_000
"""Tokens of a text where a folder sets no limit."""


@dataclass(frozen=True)
class EncoderModules:
    """One encoder's modules; equal where they are the same weights, however texts are read.

    Attributes:
        body: folder of the transformer, or of the table of a static one (``pooling`` is `None`).
        dense: folder of the linear layer behind it; `None` for none.
    """

    body: Path
    pooling: PoolingName | None
    dense: Path | None
    side: Side = field(compare=False)

    def load(self, similarity: Similarity) -> Encoder:
        from safetensors.torch import load_file

        from bench.encoding.joint import JointForm
        from bench.encoding.models import load_tokenizer, load_transformer
        from bench.encoding.static_encoder import StaticEncoder
        from bench.encoding.transformer_encoder import TransformerEncoder

        if self.pooling:
            transformer = load_transformer(str(self.body))
            encoder: Encoder = TransformerEncoder(transformer, self.pooling, similarity)
        else:
            table = load_file(self.body / "model.safetensors")["embedding.weight"]
            form = JointForm.of(load_tokenizer(str(self.body)))
            encoder = StaticEncoder(table, form.head, form.tail, similarity)
        if self.dense:
            encoder.head = _dense(self.dense)
        return encoder


@dataclass(frozen=True)
class Modules:
    """Both sides, and how they are compared."""

    queries: EncoderModules
    documents: EncoderModules
    similarity: Similarity


def read_modules(model: str) -> Modules:
    """What a folder or hub id is made of.

    Raises:
        InputError: it is no folder of sentence-transformers, or has a module that is not known.
    """
    folder = locate(model)
    if not (folder / "modules.json").is_file():
        raise InputError(f"model {model!r}: {folder} has no modules.json; is it `pretrained`?")
    modules = [
        (_kind(module["type"]), folder / module["path"])
        for module in read_json(folder / "modules.json")
    ]
    config = _optional(folder / "config_sentence_transformers.json")
    prompts = config.get("prompts") or {}
    if modules[0][0] == "Router":
        router = read_json(modules[0][1] / "router_config.json")
        routes = {
            route: [(_kind(router["types"][name]), modules[0][1] / name) for name in names]
            for route, names in router["structure"].items()
        }
        if set(routes) != {"query", "document"}:
            raise InputError(f"model {model!r}: routes {sorted(routes)}, not query and document")
        rest = modules[1:]
    else:
        routes, rest = {"query": modules, "document": modules}, []
    encoders = {route: [*own, *rest] for route, own in routes.items()}
    sides = {
        route: _encoder(model, own, prompts.get(route) or "") for route, own in encoders.items()
    }
    name = config.get("similarity_fn_name") or "cosine"
    similarity = _similarity(model, name, ["Normalize" in dict(own) for own in encoders.values()])
    return Modules(sides["query"], sides["document"], similarity)


def _similarity(model: str, name: str, normalised: list[bool]) -> Similarity:
    if name == "cosine" or (name == "dot" and all(normalised)):
        return "cosine"
    if name == "dot" and not any(normalised):
        return "dot"
    what = "one side normalised" if any(normalised) and not all(normalised) else name
    raise InputError(f"model {model!r}: vectors compared by {what} are not understood")


def _kind(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def _encoder(model: str, modules: list[tuple[str, Path]], prompt: str) -> EncoderModules:
    kinds = [kind for kind, _ in modules]
    found = dict(modules)
    shapes = (["Transformer", "Pooling"], ["StaticEmbedding"])
    ends: tuple[list[str], ...] = ([], ["Dense"], ["Normalize"], ["Dense", "Normalize"])
    if kinds not in [[*shape, *end] for shape in shapes for end in ends]:
        raise InputError(
            f"model {model!r}: modules {', '.join(kinds)} in this order are not understood; "
            "known are Transformer and Pooling, or StaticEmbedding, then Dense, then Normalize"
        )
    if "Dense" in found:
        _check_dense(model, found["Dense"])
    body = found.get("Transformer") or found["StaticEmbedding"]
    pooling, most = None, _most_static(body)
    if "Pooling" in found:
        if prompt and not read_json(found["Pooling"] / "config.json").get("include_prompt", True):
            raise InputError(f"model {model!r}: a pooling that leaves out the prompt is not known")
        pooling, most = _pooling(model, found["Pooling"]), _most(body)
    return EncoderModules(body, pooling, found.get("Dense"), Side(str(body), most, prompt))


def _most(body: Path) -> int:
    """Most tokens of a text for a transformer."""
    given = _optional(body / "sentence_bert_config.json").get("max_seq_length")
    given = given or _optional(body / "tokenizer_config.json").get("model_max_length")
    most = _optional(body / "config.json").get("max_position_embeddings")
    return int(min(given or UNLIMITED, most or UNLIMITED))


def _most_static(body: Path) -> int:
    """The same for a table, whose limit is in its tokenizer and counts no special tokens."""
    truncation = _optional(body / "tokenizer.json").get("truncation")
    return int(truncation["max_length"]) + 2 if truncation else UNLIMITED


def _pooling(model: str, folder: Path) -> PoolingName:
    config = read_json(folder / "config.json")
    modes = [name for flag, name in _POOLING.items() if config.get(flag)]
    if "pooling_mode" in config:
        modes = [name for name in _POOLING.values() if name == config["pooling_mode"]]
    if len(modes) != 1:
        raise InputError(f"model {model!r}: its pooling is none of mean, cls, max")
    return modes[0]


def _check_dense(model: str, folder: Path) -> None:
    config = read_json(folder / "config.json")
    linear = str(config.get("activation_function", "")).endswith("Identity")
    whole = config.get("module_input_name", "sentence_embedding") == "sentence_embedding"
    if not linear or not whole or config.get("use_residual"):
        raise InputError(
            f"model {model!r}: a Dense module that is no plain linear layer is not understood"
        )


def _dense(folder: Path) -> Any:
    from safetensors.torch import load_file
    from torch import nn

    state = load_file(folder / "model.safetensors")
    weight = state["linear.weight"]
    head = nn.Linear(weight.shape[1], weight.shape[0], bias="linear.bias" in state)
    head.load_state_dict({name.removeprefix("linear."): value for name, value in state.items()})
    return head


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}
