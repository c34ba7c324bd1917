"""An honest comparison of ways to train retrieval bi-encoders.

The names below are loaded when they are first used; ``import bench`` itself loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench import collections, generators, losses, samplers, students, teachers
    from bench.losses.signals import Embeddings, Signals
    from bench.results import Results, load_results

__version__ = "0.1.0"

_PUBLIC = {
    "Embeddings": "bench.losses.signals",
    "Signals": "bench.losses.signals",
    "Results": "bench.results",
    "load_results": "bench.results",
    "losses": None,
    "teachers": None,
    "students": None,
    "samplers": None,
    "generators": None,
    "collections": None,
}

__all__ = [
    "Embeddings",
    "Results",
    "Signals",
    "collections",
    "generators",
    "load_results",
    "losses",
    "samplers",
    "students",
    "teachers",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    module = _PUBLIC[name]
    if module is None:
        return importlib.import_module(f"bench.{name}")
    return getattr(importlib.import_module(module), name)
