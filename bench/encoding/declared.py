"""Options of an entry that its model's own folder answers, where they are not given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.encoding.models import (
    BUNDLED_NAMES,
    at_hand,
    check_tokenizer,
    load_config,
    locate,
    read_config,
    remembered,
)
from bench.encoding.modules import EncoderModules, most_tokens_of, read_modules
from bench.errors import InputError
from bench.losses.signals import Similarity

LENGTH = 256
"""Most tokens of a text where nothing is said of it."""


@dataclass(frozen=True)
class Declaration:
    """What a model says of itself, as the options of what is made from it are named.

    Attributes:
        modules: of its one encoder; `None` where it has no modules.json, and says nothing.
        notes: what of it is not as one might think, a sentence each.
    """

    model: str
    modules: EncoderModules | None = None
    similarity: Similarity = "cosine"
    query_prompt: str = ""
    document_prompt: str = ""
    notes: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """What its transformer and its tokenizer are loaded from."""
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
        return min(LENGTH, most_tokens_of(self.model)) if at_hand(self.model) else LENGTH


def declaration(model: str) -> Declaration:
    """What a model says of itself; nothing while it has not been fetched.

    Raises:
        InputError: it has an encoder for each side, or modules that are not known.
    """
    return _read(model) if at_hand(model) else Declaration(model)


@remembered
def _read(model: str) -> Declaration:
    if not (locate(model) / "modules.json").is_file():
        return Declaration(model)
    found = read_modules(model)
    if found.queries != found.documents:
        raise InputError(
            f"model {model!r} has an encoder for each side: as a student it is "
            f"exported(folder={model!r})"
        )
    prompts = found.queries.prompt, found.documents.prompt
    return Declaration(model, found.queries, found.similarity, *prompts, found.notes)


class Declared:
    """An option that, left out, is what the entry's ``declares`` says; `None` is its default.

    What was given stays in the entry's ``__dict__``.
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


def declared() -> Any:
    """The default of an option that the model's folder answers."""
    return Declared()


def check_encoder(entry: Any) -> None:
    """That an entry's model is an encoder of texts, as far as is seen without its weights.

    Raises:
        InputError: it is not, has no tokenizer, or is a table where a transformer is needed.
    """
    if not at_hand(entry.model):
        return
    says: Declaration = entry.declares
    check_tokenizer(says.body)
    if says.modules and says.modules.pooling is None:
        raise InputError(
            f"{entry.name}: {entry.model} is a table of token embeddings, without layers; as a "
            f"student it is exported(folder={entry.model!r})"
        )
    if entry.model not in BUNDLED_NAMES:  # known to be one, and transformers is slow to import
        load_config(says.body)


def check_classifier(model: str) -> None:
    """That a model can read a query and a document together, its weights not looked at.

    Raises:
        InputError: it needs code of its own, is not known, or has no tokenizer.
    """
    if model not in BUNDLED_NAMES and at_hand(model):
        check_tokenizer(model)
        read_config(model, locate(model))


OPTIONS = ("pooling", "similarity", "max_length", "query_prompt", "document_prompt")
"""What a folder answers."""


def departures(entry: Any) -> list[str]:
    """Where an entry reads its model otherwise than the model says, a line each.

    Args:
        entry: with a ``model``, and options of which some may be `Declared`.
    """
    says: Declaration = entry.declares
    given = {name: value for name in OPTIONS if (value := vars(entry).get(name)) is not None}
    if says.modules is None:
        return list(says.notes)
    notes = [note for note in says.notes if "prompt" not in given]
    said = says.modules.said_length
    if "max_length" not in given and said and says.max_length < said < SENTINEL:
        notes.append(
            f"{says.model}: it says max_length {said:,}, and its transformer reads "
            f"{says.max_length:,}; texts are cut there"
        )
    for name, value in given.items():
        if (own := getattr(says, name)) != value:
            notes.append(f"{says.model} says {name} {own!r}; this reads it with {value!r}")
    return notes


def left_out(entry: Any) -> list[str]:
    """That an entry takes no linear layer from its model, where that has one."""
    modules = entry.declares.modules
    if modules is None or modules.dense is None:
        return []
    return [f"{entry.model}: its linear layer ({modules.dense.name}) is left out by {entry.name}"]


SENTINEL = 10**9
"""From here on a length is a tokenizer's way to say that there is none."""
