"""What can be seen of a study from outside: which jobs are finished, and how far the others are.

It is what the files in the study's folder say; no collection, model or database is opened.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.execution.jobs import Job
from bench.progress import duration
from bench.storage.journal import Journal
from bench.storage.records import RunFolder
from bench.storage.run_progress import RunProgress


def statuses(out: Path, rows: Iterable[Mapping[Any, Any]]) -> dict[Job, str]:
    """The status of each finished job.

    Args:
        rows: of summary.csv, which may lack the newest ones while the study is run.
    """
    found = {}
    for row in rows:
        trial = row["trial"] if row["role"] == "tuning" else -1
        job = Job(row["role"], row["arm"], row["train_share"], trial, row["seed"])
        found[job] = row["status"]
    journal = Journal(out)
    for key, id in journal.jobs.items():
        if run := journal.find(id):
            found[Job(*key)] = run.status  # type: ignore[arg-type]
    return found


def in_progress(out: Path) -> list[tuple[RunFolder, RunProgress | None]]:
    """The runs that are begun and not finished, with how far they are if that is known."""
    folders = [RunFolder(path) for path in sorted((out / "runs").glob("*")) if path.is_dir()]
    begun = [folder for folder in folders if not (folder.path / "run.json").exists()]
    return [(folder, RunProgress.read(folder)) for folder in begun]


def describe(progress: RunProgress) -> str:
    """How far a run is, in a line."""
    return f"{progress.what} · {progress.doing} · for {duration(progress.at - progress.since)}"


def describe_worker(progress: RunProgress) -> str:
    """Where a run is carried out, in a line."""
    log = f", log: {progress.log}" if progress.log else ""
    heard = duration(time.time() - progress.at)
    return f"process {progress.pid} on {progress.host}, heard of {heard} ago{log}"
