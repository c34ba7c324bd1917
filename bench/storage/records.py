"""Run records: what a run leaves in its folder. All tables and reports are made from them.

``run.json`` is written last; from then on the run counts as done, failed or pruned.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pyarrow.lib import ArrowException

from bench.errors import InputError
from bench.storage.files import atomic, damaged, read_object, write_json
from bench.storage.ledger import Bill

FORMAT = 1
"""Format of run.json and the tables beside it. It is increased when older code could not read
them; lower formats stay readable."""

Role = Literal["tuning", "final", "reference"]

FINISHED = ("done", "failed", "pruned")
"""Statuses of runs with nothing left to do, unless they are retried."""

_DONE = {
    "specification": dict,
    "examples": int,
    "steps": int,
    "best_point": int,
    "environment": dict,
    "collection": dict,
}
_FAILED = {"error": str}
"""Required keys of a failed run's record, as `_DONE` of other finished runs', with their types."""

_COLUMNS = {
    "curve": ("point",),
    "rankings": ("point", "query", "documents"),
    "bills": ("phase", "what", "seconds"),
    "queries": ("part", "query"),
    "dev": ("point", "query"),
}
"""Required columns of the tables beside run.json."""

_MEASURED = "delete it: a report goes without it, and `bench run` measures it again"

DRY_RUN = "DRY-RUN.txt"
"""Marker file in a study's folder: its numbers are no results (`bench.execution.dry_run`)."""


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, ``OUT/runs/<run id>/``."""

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

    @property
    def progress(self) -> Path:
        return self.path / "progress.json"

    def trec(self, part: str) -> Path:
        return self.path / f"{part}.trec.gz"

    def status(self) -> str:
        """``done``, ``failed``, ``pruned``, ``running`` (begun and not finished) or ``missing``."""
        if (self.path / "run.json").exists():
            return self.record()["status"]
        return "running" if self.path.exists() else "missing"

    def record(self) -> dict[str, Any]:
        """The content of run.json, which exists once the run is done, failed or pruned.

        Raises:
            InputError: it is missing or damaged, or a later version of this package wrote it.
        """
        path = self.path / "run.json"
        if not path.exists():
            raise InputError(f"{path}: there is no such file; `bench run` makes the run again")
        record = read_object(path, self._mend, {"format": int, "status": str})
        if record["format"] > FORMAT:
            raise InputError(
                f"{path}: its format is {record['format']} and this version "
                f"reads up to {FORMAT}; a later version of this package wrote it"
            )
        if record["status"] not in FINISHED:
            raise damaged(path, f"no run ends as {record['status']!r}", self._mend)
        for key, kind in (_FAILED if record["status"] == "failed" else _DONE).items():
            if not isinstance(record.get(key), kind):
                raise damaged(path, f"it has no {key!r}", self._mend)
        return record

    @property
    def _mend(self) -> str:
        return f"delete {self.path}, and `bench run` makes the run again"

    def finish(self, record: dict[str, Any]) -> None:
        """Write run.json, after which the run counts as finished."""
        write_json(self.path / "run.json", {"format": FORMAT, "id": self.id, **record})

    def forget(self) -> None:
        """Delete run.json, so that the run is not finished any more."""
        (self.path / "run.json").unlink()

    def clear_work(self) -> None:
        """Delete checkpoints, heartbeat and progress, which only unfinished runs need."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        self.heartbeat.unlink(missing_ok=True)
        self.progress.unlink(missing_ok=True)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write ``<name>.parquet``; equal tables give equal bytes."""
        with atomic(self.path / f"{name}.parquet") as aside:
            table.to_parquet(aside, index=False)

    def table(self, name: str) -> pd.DataFrame:
        """Read ``<name>.parquet``.

        Raises:
            InputError: it is missing or damaged.
        """
        path = self.path / f"{name}.parquet"
        mend = _MEASURED if name in ("dev", "queries") else self._mend
        try:
            table = pd.read_parquet(path)
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file; {self._mend}") from None
        except (ArrowException, OSError, ValueError) as error:
            raise damaged(path, error, mend) from None
        for column in _COLUMNS.get(name, ()):
            if column not in table:
                raise damaged(path, f"there is no column {column!r}", mend)
        return table

    def write_bills(self, bills: list[Bill]) -> None:
        self.write_table("bills", pd.DataFrame([bill.record() for bill in bills]))

    def bills(self) -> list[Bill]:
        if not (self.path / "bills.parquet").exists() and self.status() == "failed":
            return []  # it failed before it cost anything
        return [Bill(**row) for row in self.table("bills").to_dict("records")]
