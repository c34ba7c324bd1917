"""The tables of a study, written from the records of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
from bench.results.summary_row import Row, summary_row
from bench.storage.files import write_text
from bench.study.schema import Study


def write_tables(out: Path, study: Study, rows: Sequence[Row]) -> None:
    """summary.csv, curves.csv and ledger.csv from the run records, in the order of ``rows``."""
    known = {row.folder.id: row.folder.status() for row in rows}
    # A failed trial is paid for by its arm; a failed final run is in nobody's mean.
    paid = {"tuning": ("done", "pruned", "failed")}
    bills = {
        row.folder.id: row.folder.bills()
        for row in rows
        if known[row.folder.id] in paid.get(row.role, ("done", "pruned"))
    }
    summary = [summary_row(study, row, rows, bills) for row in rows]
    options = list(dict.fromkeys(key for row in rows for key in row.options))
    measures = [measure_column(name, part) for part in study.tested for name in study.measures]
    amounts = [*COUNTS, *CLOCKS, *SIZES, *SPEEDS]
    columns = [*FIRST, *options, *amounts, *measures, *LAST]
    done = [row for row in rows if known[row.folder.id] == "done"]
    curves = [_labelled(row, row.folder.table("curve")) for row in done]
    _write(out / "curves.csv", _joined(curves))
    ledger = [
        _labelled(row, pd.DataFrame([bill.record() for bill in bills[row.folder.id]]))
        for row in rows
        if bills.get(row.folder.id)
    ]
    _write(out / "ledger.csv", _joined(ledger))
    # Last: whoever reads meanwhile finds the curve and the bills of every run that it names.
    _write(out / "summary.csv", pd.DataFrame(summary).reindex(columns=columns))


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One below the other, the share of the train queries last."""
    if not tables:
        return pd.DataFrame(columns=[*RUN_LABELS, "train_share"])
    table = pd.concat(tables, ignore_index=True)
    return table[[*table.columns.drop("train_share"), "train_share"]]


def _labelled(row: Row, table: pd.DataFrame) -> pd.DataFrame:
    for at, key in enumerate(RUN_LABELS):
        table.insert(at, key, getattr(row, key))
    return table.assign(train_share=row.train_share)


def _write(path: Path, table: pd.DataFrame) -> None:
    # repr of floats: what is read back is exactly what was written.
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
