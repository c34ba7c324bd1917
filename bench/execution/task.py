"""What a worker is told: a task, and what all tasks of a study share. Both are plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.execution.jobs import Job
from bench.execution.pruning import Pruning
from bench.study.schema import Study


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


@dataclass(frozen=True)
class Workplace:
    """What all tasks of a study share; picklable. Its folders are seen by every worker.

    Attributes:
        out: the study's folder.
        artifacts: the folder of artifacts.
    """

    study: Study
    out: Path
    artifacts: Path
