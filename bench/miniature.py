"""How an option says what becomes of it in a dry run (``bench run --smoke``).

An option that decides how long something takes, or that fits the width of a model, says beside
itself what a dry run takes in its place::

    examples: Annotated[int, Ge(1), AtMost(16)] = 2000
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

NARROWER = 12
"""How many times narrower a dry run's models are than the real ones: 768 becomes 64."""


@runtime_checkable
class Miniature(Protocol):
    """An annotation of an option."""

    def shrink(self, value: int) -> int:
        """The option's value in a dry run."""


@dataclass(frozen=True)
class AtMost:
    """At most so much.

    Attributes:
        zero: what takes the place of 0, where 0 means everything.
    """

    most: int
    zero: int = 0

    def shrink(self, value: int) -> int:
        return min(value, self.most) or self.zero


@dataclass(frozen=True)
class ModelWidth:
    """The width of a model's vectors."""

    def shrink(self, value: int) -> int:
        return max(1, value // NARROWER)


def shrunk_options(entry: Any) -> dict[str, int]:
    """The options of a dataclass that say what becomes of them, with their values in a dry run."""
    hints = typing.get_type_hints(type(entry), include_extras=True)
    return {
        field.name: annotation.shrink(getattr(entry, field.name))
        for field in dataclasses.fields(entry)
        for annotation in getattr(hints[field.name], "__metadata__", ())
        if isinstance(annotation, Miniature)
    }
