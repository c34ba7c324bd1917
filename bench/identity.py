"""Decides which options of an entry and which keys of a study are part of identities.

Run ids, addresses of artifacts and names of Optuna studies are digests of all options of an entry
and of all keys of a study's parts. An option that is added later would change all of them, and
everything would be trained again. So such an option has an annotation with the first release that
has it, and with the value that reproduces earlier behaviour. While it has that value, identities
do not contain it::

    label_smoothing: Annotated[float, Ge(0), Since("0.2", before=0.0)] = 0.0

This holds for fields of dataclasses (entries, search spaces) and for keys of pydantic models alike.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bench.storage.files import canonical

LEFT_OUT = object()
"""The result of an identity rule for a value that identities do not contain."""


class IdentityRule:
    """An annotation of an option or key that decides how identities contain its value."""

    def identify(self, value: Any) -> Any:
        """The value as identities contain it, or `LEFT_OUT`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Since(IdentityRule):
    """Marks an option or key that was added after the first release.

    Attributes:
        version: the first release that has it.
        before: the value that reproduces what earlier releases did. It may differ from the default.
    """

    version: str
    before: Any

    def identify(self, value: Any) -> Any:
        return LEFT_OUT if canonical(value) == canonical(self.before) else value


class _Never(IdentityRule):
    def identify(self, value: Any) -> Any:
        return LEFT_OUT


NOT_IN_IDS = _Never()
"""Marks a key that no result depends on."""


def identity_rules(cls: type[Any]) -> dict[str, list[IdentityRule]]:
    """The rules of each option of a dataclass, or key of a pydantic model, that has any."""
    if cls not in _rules:
        _rules[cls] = _find_rules(cls)
    return _rules[cls]


_rules: dict[type, dict[str, list[IdentityRule]]] = {}


def _find_rules(cls: type[Any]) -> dict[str, list[IdentityRule]]:
    if issubclass(cls, BaseModel):
        annotations = {name: field.metadata for name, field in cls.model_fields.items()}
    else:
        hints = typing.get_type_hints(cls, include_extras=True)
        annotations = {
            field.name: list(getattr(hints[field.name], "__metadata__", ()))
            for field in dataclasses.fields(cls)
        }
    rules = {
        name: [one for one in metadata if isinstance(one, IdentityRule)]
        for name, metadata in annotations.items()
    }
    return {name: found for name, found in rules.items() if found}


def identify(value: Any, rules: Iterable[IdentityRule]) -> Any:
    """A value after all rules of its option; may be `LEFT_OUT`."""
    for rule in rules:
        if value is not LEFT_OUT:
            value = rule.identify(value)
    return value


def identity(value: Any) -> Any:
    """A value as identities contain it.

    A dataclass or pydantic model becomes a dictionary of its options or keys, without those that
    are left out; this holds inside lists and dictionaries too.
    """
    if isinstance(value, Mapping):
        return {key: identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(identity, value))
    if isinstance(value, BaseModel):
        options = dict(value)
    elif dataclasses.is_dataclass(value):
        options = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    else:
        return value
    rules = identity_rules(type(value))
    identified = {name: identify(one, rules.get(name, ())) for name, one in options.items()}
    return {name: identity(one) for name, one in identified.items() if one is not LEFT_OUT}
