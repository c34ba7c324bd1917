"""Replaces models and data sets by stand-ins for the time of a dry run."""

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
    """Replace models from a hub and data sets of ir_datasets by stand-ins within the block.

    Models and collections that are given as folders are not replaced.

    Args:
        folder: where stand-ins for models are written.
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
