"""Options whose defaults an entry takes from its model's folder (pooling, prompts, …)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.encoding.models import (
    BUNDLED_NAMES,
    check_tokenizer,
    is_local,
    load_config,
    locate,
    memoize,
    read_config,
)
from bench.encoding.modules import EncoderModules, most_tokens_of, read_modules
from bench.errors import InputError
from bench.losses.signals import Similarity

LENGTH = 256
"""Most tokens of a text if the model's folder sets no limit."""


@dataclass(frozen=True)
class Declaration:
    """What a model's folder says of itself; attributes are named like the entries' options.

    Attributes:
        modules: of its one encoder; `None` if it has no modules.json, and thus says nothing.
        notes: what a reader might not expect of the folder, one sentence each.
    """

    model: str
    modules: EncoderModules | None = None
    similarity: Similarity = "cosine"
    query_prompt: str = ""
    document_prompt: str = ""
    notes: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """The model or folder that transformer and tokenizer are loaded from."""
        if self.modules is None or self.modules.body == locate(self.model):
            return self.model
        return str(self.modules.body)

    @property
    def pooling(self) -> str:
        return (self.modules and self.modules.pooling) or "mean"

    @cached_property
    def max_length(self) -> int:
        if self.modules:
            return self.modules.max_length
        return min(LENGTH, most_tokens_of(self.model)) if is_local(self.model) else LENGTH


def declaration(model: str) -> Declaration:
    """What a model says of itself; the defaults if it is not on this machine yet.

    Raises:
        InputError: it has one encoder for queries and another for documents, or unknown modules.
    """
    return _read(model) if is_local(model) else Declaration(model)


@memoize
def _read(model: str) -> Declaration:
    if not (locate(model) / "modules.json").is_file():
        return Declaration(model)
    modules = read_modules(model)
    if modules.queries != modules.documents:
        raise InputError(
            f"model {model!r} has an encoder for each side: as a student it is "
            f"exported(folder={model!r})"
        )
    prompts = modules.queries.prompt, modules.documents.prompt
    return Declaration(model, modules.queries, modules.similarity, *prompts, modules.notes)


class ModelDefault:
    """A descriptor for an option whose default is what the entry's ``declares`` says.

    `None` stands for the default. The given value stays in the entry's ``__dict__``.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, entry: Any, owner: type) -> Any:
        if entry is None:
            return None
        given = vars(entry)[self._name]
        return getattr(entry.declares, self._name) if given is None else given

    def __set__(self, entry: Any, value: Any) -> None:
        vars(entry)[self._name] = value


def model_default() -> Any:
    """The default of an option that is read from the model's folder."""
    return ModelDefault()


def check_encoder(entry: Any) -> None:
    """Check, without loading weights, that an entry's model is an encoder of texts.

    A model that is not on this machine yet is not checked.

    Raises:
        InputError: it is not, has no tokenizer, or is a table where a transformer is needed.
    """
    if not is_local(entry.model):
        return
    says: Declaration = entry.declares
    check_tokenizer(says.body)
    if says.modules and says.modules.pooling is None:
        raise InputError(
            f"{entry.name}: {entry.model} is a table of token embeddings, without layers; as a "
            f"student it is exported(folder={entry.model!r})"
        )
    if entry.model not in BUNDLED_NAMES:  # that one is an encoder, and transformers imports slowly
        load_config(says.body)


def check_classifier(model: str) -> None:
    """Check, without loading weights, that a model can read a query and a document together.

    Raises:
        InputError: it needs its own code, transformers does not know it, or it has no tokenizer.
    """
    if model not in BUNDLED_NAMES and is_local(model):
        check_tokenizer(model)
        read_config(model, locate(model))


OPTIONS = ("pooling", "similarity", "max_length", "query_prompt", "document_prompt")
"""Options that a model's folder gives defaults for."""


def departures(entry: Any) -> list[str]:
    """How an entry's options differ from what its model says of itself, one line each.

    Args:
        entry: with a ``model``, and options of which some may be `ModelDefault`.
    """
    says: Declaration = entry.declares
    given = {name: value for name in OPTIONS if (value := vars(entry).get(name)) is not None}
    if says.modules is None:
        return list(says.notes)
    notes = [note for note in says.notes if "prompt" not in given]
    length = says.modules.declared_length
    if "max_length" not in given and length and says.max_length < length < SENTINEL:
        notes.append(
            f"{says.model}: it says max_length {length:,}, and its transformer reads "
            f"{says.max_length:,}; texts are cut there"
        )
    for name, value in given.items():
        if (own := getattr(says, name)) != value:
            notes.append(f"{says.model} says {name} {own!r}; this reads it with {value!r}")
    return notes


def unused_layer(entry: Any) -> list[str]:
    """A note if the model has a linear layer, which entries of this kind do not use."""
    modules = entry.declares.modules
    if modules is None or modules.dense is None:
        return []
    return [f"{entry.model}: its linear layer ({modules.dense.name}) is left out by {entry.name}"]


SENTINEL = 10**9
"""Lengths from here on mean "no limit" in a tokenizer's configuration."""
