"""The closing table: what a study found, in a terminal's width."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from reports import formatting
from reports.analysis.arm_table import arm_table, dev_column
from reports.analysis.base import Analysis
from reports.analysis.selectors import measure_columns
from reports.formatting import Row


def closing_table(results: Analysis) -> Table:
    """A row an arm, then the references: primary test measure, dev, charges."""
    primary, dev = measure_columns(results.study)[0], dev_column(results)
    # Text, not markup: an arm may be named "[red]".
    title = Text(formatting.plain(results.study.title))
    table = Table(
        title=title, title_justify="left", box=SIMPLE, pad_edge=False, collapse_padding=True
    )
    table.add_column("arm", overflow="fold")
    for heading in ("seeds", f"test {primary}", dev, "cold s", "tuned s"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    role = None
    for row in arm_table(results).to_dict("records"):
        if role == "final" and row["role"] == "reference":
            table.add_section()
        role = row["role"]
        table.add_row(*(Text(cell) for cell in _cells(row, primary, dev)))
    return table


def _cells(row: Row, primary: str, dev: str) -> list[str]:
    name = formatting.arm_name(row)
    measured = [formatting.spread(row, primary), formatting.measure(row[dev])]
    if row["role"] == "reference":
        return [name, "", *measured, "", ""]
    seeds = formatting.seeds(row["seeds"], row["done"], row["failed"])
    charged = [formatting.seconds(row[key]) for key in ("cold_seconds", "tuned_seconds")]
    return [name, seeds, *measured, *charged]
