"""What a worker is told: plain data, which loads nothing that trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.execution.jobs import Job
from bench.execution.pruning import Pruning


@dataclass(frozen=True)
class Task:
    """A job with everything that a worker has to be told about it; picklable.

    Attributes:
        title: what it is, for the live line.
        options: what the search space varies, of this run.
        run: the run's id.
        tries: how often it has failed before.
        pruning: what ends it early; `None` if nothing does.
        teacher: the run id of the reference row that its rankings are compared with, if any.
    """

    job: Job
    title: str
    run: str
    options: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 0
    pruning: Pruning | None = None
    teacher: str | None = None
