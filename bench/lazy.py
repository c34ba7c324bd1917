"""Lazy imports: slow modules are imported when they are first used.

Packages use ``attach`` to offer the names listed in their ``__init__.pyi``. Modules that must
import quickly use ``Library`` for heavy libraries.
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
        if name.startswith("__"):  # inspection looks these up in every module
            raise AttributeError(name)
        module = importlib.import_module(self.__name__)
        if hasattr(module, name):
            return getattr(module, name)
        return importlib.import_module(f"{self.__name__}.{name}")
