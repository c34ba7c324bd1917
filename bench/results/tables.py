"""The tables of a study: summary.csv, curves.csv and ledger.csv."""

from __future__ import annotations

import bisect
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.results.columns import (
    CLOCKS,
    COUNTS,
    FIRST,
    LAST,
    RUN_LABELS,
    SIZES,
    SPEEDS,
    measure_column,
)
from bench.results.summary_row import Row, is_paid, summary_row
from bench.storage.files import write_text
from bench.study.schema import Study

SHARE = 0.02
"""Largest share of the time that writing the tables while a study runs may take."""


class Tables:
    """The tables of a study's folder, which are written whole from all of its finished runs.

    Args:
        position: the place of a row in the tables.
    """

    def __init__(self, out: Path, study: Study, position: Callable[[Row], Any]) -> None:
        self._out = out
        self._study = study
        self._position = position
        self._rows: dict[tuple, tuple[Row, dict[str, Any]]] = {}
        self._trials: dict[tuple, list[Row]] = defaultdict(list)
        self._since = time.monotonic()
        self._spent = 0.0
        self._changed = False

    @property
    def rows(self) -> list[Row]:
        """All rows, in the order of tables."""
        return sorted((row for row, _ in self._rows.values()), key=self._position)

    def add(self, row: Row) -> None:
        """Add a row; those that it refers to (its trials, its teacher) must be there already."""
        trials = self._trials[row.arm, row.train_share]
        if row.role == "tuning":
            bisect.insort(trials, row, key=lambda trial: trial.trial)
        teacher = self._rows.get((row.retains, "reference", -1, 0, 1.0), (None,))[0]
        self._rows[_label(row)] = row, summary_row(self._study, row, trials, teacher)
        self._changed = True

    def write_if_due(self) -> None:
        """Write what has changed, if that leaves the share of time for writing small."""
        if not self._changed:
            return
        allowed = SHARE * (time.monotonic() - self._since)
        if self._spent == 0 or self._spent <= allowed:
            self.write()

    def write(self) -> None:
        """Write all tables; each takes the place of the old one at once."""
        since = time.monotonic()
        rows = self.rows
        curves = [
            line
            for row in rows
            if row.run.status == "done"
            for line in _labelled(row, row.run.curve)
        ]
        _write(self._out / "curves.csv", _table(curves))
        ledger = [
            line
            for row in rows
            if is_paid(row)
            for line in _labelled(row, [bill.record() for bill in row.run.bills])
        ]
        _write(self._out / "ledger.csv", _table(ledger))
        # Last: whoever reads meanwhile finds the curve and the bills of every run that it names.
        summary = [self._rows[_label(row)][1] for row in rows]
        columns = _summary_columns(self._study, rows)
        _write(self._out / "summary.csv", pd.DataFrame(summary).reindex(columns=columns))
        self._spent += time.monotonic() - since
        self._changed = False


def _label(row: Row) -> tuple:
    return (*(getattr(row, key) for key in RUN_LABELS), row.train_share)


def _summary_columns(study: Study, rows: Iterable[Row]) -> list[str]:
    options = dict.fromkeys(key for row in rows for key in row.options)
    measures = [measure_column(name, part) for part in study.tested for name in study.measures]
    return [*FIRST, *options, *COUNTS, *CLOCKS, *SIZES, *SPEEDS, *measures, *LAST]


def _labelled(row: Row, lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    labels = {key: getattr(row, key) for key in RUN_LABELS}
    return [{**labels, **line, "train_share": row.train_share} for line in lines]


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows one below the other, the share of the train queries last."""
    if not rows:
        return pd.DataFrame(columns=[*RUN_LABELS, "train_share"])
    table = pd.DataFrame(rows)
    return table[[*table.columns.drop("train_share"), "train_share"]]


def _write(path: Path, table: pd.DataFrame) -> None:
    # repr of floats: what is read back is exactly what was written.
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
