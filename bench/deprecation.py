"""Keeps old names working for one release, with a warning that gives the new name.

`docs/compatibility.md` lists them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any


def warn_renamed(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn that a name has changed.

    Args:
        stacklevel: as for `warnings.warn`, counted from this function.
    """
    warnings.warn(
        f"{old} is now {new}; the old name will not be in the next release",
        DeprecationWarning,
        stacklevel,
    )


def renamed(module: str, names: Mapping[str, Any]) -> Callable[[str], Any]:
    """A ``__getattr__`` for a module that returns classes by their old names.

    Args:
        names: the class by its old name.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new = names[name]
        warn_renamed(f"{module}.{name}", f"{new.__module__}.{new.__qualname__}")
        return new

    return get


class Renamed:
    """A descriptor for an attribute's or method's old name: ``old = Renamed("new")``."""

    def __init__(self, new: str) -> None:
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = name

    def __get__(self, instance: Any, owner: type) -> Any:
        warn_renamed(f"{owner.__name__}.{self._old}", self.new)
        return getattr(owner if instance is None else instance, self.new)


def adopt_old_names(cls: type) -> None:
    """Let attributes that a subclass defines by old names of its base count for the new names.

    The base's ``__init_subclass__`` calls this.
    """
    for name, value in list(vars(cls).items()):
        for base in cls.__mro__[1:]:
            old = vars(base).get(name)
            if isinstance(old, Renamed) and old.new not in vars(cls):
                warn_renamed(f"{cls.__name__}.{name}", old.new, stacklevel=4)
                setattr(cls, old.new, value)
