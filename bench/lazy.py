"""What is slow to import is imported when something of it is first used.

Rooms offer their public names by ``attach``, listed in their ``__init__.pyi``; modules that must be
quick to import take a heavy library as a ``Library``.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from lazy_loader import attach_stub as attach

__all__ = ["Library", "attach"]


class Library(ModuleType):
    """A library that is imported when an attribute or a submodule of it is first used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what inspection asks of every module
            raise AttributeError(name)
        module = importlib.import_module(self.__name__)
        if hasattr(module, name):
            return getattr(module, name)
        return importlib.import_module(f"{self.__name__}.{name}")
