"""What a table is: as people read it, with every number in full behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports import formatting
from reports.formatting import Row


@dataclass(frozen=True)
class Cell:
    """What a reader sees of one value."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """A table as it is shown, with the data behind it.

    Attributes:
        name: the name of its files.
        note: how to read it.
        align: ``l`` (text) or ``r`` (numbers) for each column.
        groups: rows that belong together, set apart from the next ones.
    """

    name: str
    title: str
    note: str
    header: Sequence[str]
    align: str
    groups: Sequence[Sequence[Sequence[Cell]]]
    data: pd.DataFrame


def groups(
    table: pd.DataFrame, cells: Callable[[Row], list[Cell]], by: str = "role"
) -> list[list[list[Cell]]]:
    """Rows that agree in a column, by default arms, then references; without it one group."""
    keys = table[by] if by in table else pd.Series("", index=table.index)
    return [
        [cells(row) for row in rows.to_dict("records")]
        for _, rows in table.groupby(keys, sort=False)
    ]


def best(values: pd.Series, by: pd.Series | None = None, least: bool = False) -> pd.Series:
    """Which of the values that are known are the best, in each group; none where all are alike."""
    keys = pd.Series(0, index=values.index) if by is None else by
    found = values.groupby(keys)
    return (values == found.transform("min" if least else "max")) & (found.transform("nunique") > 1)


def without_empty(table: Table, *titles: str) -> Table:
    """The table without those of the columns that say nothing in any row; its data has them."""
    rows = [row for group in table.groups for row in group]
    kept = [
        at
        for at in range(len(table.header))
        if table.header[at] not in titles
        or any(row[at].text not in ("", formatting.NOTHING) for row in rows)
    ]
    return replace(
        table,
        header=[table.header[at] for at in kept],
        align="".join(table.align[at] for at in kept),
        groups=[[[row[at] for at in kept] for row in group] for group in table.groups],
    )


def name(row: Row) -> Cell:
    return Cell(formatting.arm_name(row))


def text(value: Any) -> str:
    return formatting.NOTHING if pd.isna(value) or value == "" else formatting.plain(value)


def seconds(row: Row, keys: Sequence[str]) -> list[Cell]:
    return [Cell(formatting.seconds(row[key])) for key in keys]
