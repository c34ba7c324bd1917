"""Replaces models and data sets by stand-ins for the time of a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        models.override_lookup(lambda model: write_model(model, folder)),
        ir_datasets_id.override_load(MadeUp),
    ):
        yield
