"""Run records: what a run leaves in its folder. They are the truth; all else is made from them.

``run.json`` is written last: a run is done, or has failed, when it says so.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import InputError
from bench.files import atomic, read_json, write_json
from bench.ledger import Bill

FORMAT = 1
"""Of run.json and the tables beside it. Raised when older code could not read them; what an older
version wrote stays readable."""

FINISHED = ("done", "failed", "pruned")
"""A run of which nothing more is to be done, unless it is retried."""

DRY_RUN = "DRY-RUN.txt"
"""In a study's folder: its numbers are no results (`bench.dry_run`)."""


@dataclass(frozen=True)
class RunFolder:
    """``OUT/runs/<run id>/``."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoint"

    @property
    def student(self) -> Path:
        return self.path / "student"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat.json"

    def trec(self, part: str) -> Path:
        return self.path / f"{part}.trec.gz"

    def status(self) -> str:
        """``done``, ``failed``, ``pruned``, ``running`` (begun and not finished) or ``missing``."""
        if (self.path / "run.json").exists():
            return self.record()["status"]
        return "running" if self.path.exists() else "missing"

    def record(self) -> dict[str, Any]:
        """run.json, once the run is done or has failed.

        Raises:
            InputError: a later version of this package wrote it.
        """
        record = read_json(self.path / "run.json")
        if record["format"] > FORMAT:
            raise InputError(
                f"{self.path / 'run.json'}: its format is {record['format']} and this version "
                f"reads up to {FORMAT}; a later version of this package wrote it"
            )
        return record

    def finish(self, record: dict[str, Any]) -> None:
        """Write run.json: from now on the run is done, or failed."""
        write_json(self.path / "run.json", {"format": FORMAT, "id": self.id, **record})

    def clear_work(self) -> None:
        """Delete what only an unfinished run needs."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        self.heartbeat.unlink(missing_ok=True)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """``<name>.parquet``; the same table gives the same bytes."""
        with atomic(self.path / f"{name}.parquet") as aside:
            table.to_parquet(aside, index=False)

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.path / f"{name}.parquet")

    def write_bills(self, bills: list[Bill]) -> None:
        self.write_table("bills", pd.DataFrame([bill.record() for bill in bills]))

    def bills(self) -> list[Bill]:
        if not (self.path / "bills.parquet").exists():
            return []
        return [Bill(**row) for row in self.table("bills").to_dict("records")]
