"""Where the stand-ins come in, and where they go again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.collections import ir_datasets_id
from bench.encoding import models
from bench.execution.dry_run.data import MadeUp
from bench.execution.dry_run.models import write_model


@contextmanager
def stand_ins(folder: Path) -> Iterator[None]:
    """For as long as this lasts, nothing of a hub or of ir_datasets is fetched or found.

    Args:
        folder: where the models' stand-ins are written. A model that is a folder, and a collection
            that is one, are themselves.
    """
    with (
        _in_place_of(models, "by_name", lambda model: write_model(model, folder)),
        _in_place_of(ir_datasets_id, "load", MadeUp),
    ):
        models.forget()
        try:
            yield
        finally:
            models.forget()


@contextmanager
def _in_place_of(module: ModuleType, name: str, stand_in: Any) -> Iterator[None]:
    real = getattr(module, name)
    setattr(module, name, stand_in)
    try:
        yield
    finally:
        setattr(module, name, real)
