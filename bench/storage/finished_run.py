"""A finished run as tables and choices need it, read from its folder once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.storage.ledger import Bill
from bench.storage.records import RunFolder

_FILES = ("run.json", "curve.parquet", "bills.parquet", "queries.parquet", "dev.parquet")


@dataclass(frozen=True)
class FinishedRun:
    """A run that is done, failed or pruned.

    Attributes:
        record: run.json.
        curve: a row for each evaluation point; none if it failed.
        bills: what it cost; none if it failed before it cost anything.
        means: by test, the mean of each column of numbers over the test's queries; none before
            they are measured.
        dev: the columns of dev.parquet; none if there is no such file.
        files: size and time of each file that this was read from (see `file_states`).
    """

    id: str
    record: Mapping[str, Any]
    curve: Sequence[Mapping[str, Any]] = ()
    bills: Sequence[Bill] = ()
    means: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    dev: Sequence[str] = ()
    files: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``done``, ``failed`` or ``pruned``."""
        return self.record["status"]

    @property
    def tries(self) -> int:
        """How often it was tried, if it failed."""
        return self.record.get("tries", 1)

    @property
    def columns(self) -> set[str]:
        """The columns of its curve."""
        return set(self.curve[0]) if self.curve else set()

    @classmethod
    def read(cls, folder: RunFolder) -> FinishedRun:
        """Read the run in a folder.

        Raises:
            InputError: it is not finished, or a file is missing or damaged.
        """
        files = file_states(folder.path)
        record = folder.record()
        curve, means, dev = [], {}, []
        if record["status"] != "failed":
            curve = _rows(folder.table("curve"))
        if "queries.parquet" in files:
            means = {
                str(part): _means(rows) for part, rows in folder.table("queries").groupby("part")
            }
        if "dev.parquet" in files:
            dev = [str(column) for column in folder.table("dev").columns]
        return cls(folder.id, record, curve, folder.bills(), means, dev, files)

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> FinishedRun:
        """The inverse of `to_json`."""
        return cls(**{**value, "bills": [Bill(**bill) for bill in value["bills"]]})

    def to_json(self) -> dict[str, Any]:
        """As a JSON value."""
        return {**vars(self), "bills": [bill.record() for bill in self.bills]}


def file_states(folder: Path) -> dict[str, list[int]]:
    """Bytes, and nanoseconds of the last change, of the files that `FinishedRun` is read from.

    A file is another one if these differ. Empty if there is no such folder.
    """
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.stat() for entry in entries if entry.name in _FILES}
    except FileNotFoundError:
        return {}
    return {name: [one.st_size, one.st_mtime_ns] for name, one in sorted(found.items())}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _means(rows: pd.DataFrame) -> dict[str, float]:
    numbers = rows.select_dtypes("number")
    return {str(name): float(numbers[name].mean()) for name in numbers}
