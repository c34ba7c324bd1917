"""Where the stand-ins come in, and where they go again."""

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
    """Within, nothing of a hub or of ir_datasets is fetched or found.

    Args:
        folder: where the models' stand-ins are written. A model that is a folder, and a collection
            that is one, are themselves.
    """
    with (
        models.finding(lambda model: write_model(model, folder)),
        ir_datasets_id.loading(MadeUp),
    ):
        yield
