"""What each arm is made of, and how good its students are."""

from __future__ import annotations

import pandas as pd

from bench.results import Results
from reports import wording
from reports.arm_table import dev_column
from reports.reading import measure_columns
from reports.tables.base import Cell, Table, groups, name, text
from reports.wording import Row


def results_table(results: Results, table: pd.DataFrame) -> Table:
    """Test measures with their intervals, the best mean of an arm in bold."""
    measures, dev = measure_columns(results.study), dev_column(results)
    trained = table[table["role"] == "final"]
    best = {column: trained[column].max() for column in measures}

    def cells(row: Row) -> list[Cell]:
        is_arm = row["role"] == "final"
        seeds = wording.seeds(row["seeds"], row["done"], row["failed"]) if is_arm else ""
        first, *others = [
            Cell(wording.spread(row, column), is_arm and row[column] == best[column])
            for column in measures
        ]
        difference = Cell(wording.difference(row, measures[0]))
        return [name(row), Cell(seeds), first, difference, *others, Cell(wording.spread(row, dev))]

    return Table(
        name="results",
        title="Test measures",
        note=(
            "Means over seeds; ± is half the width of the 95 % interval (Student's t; Welch's for "
            "differences to the baseline). With fewer than three seeds there is no interval: "
            "[lowest, highest] is then the range. The best mean of an arm is bold. Dev is "
            "dev-curve at the point that was tested. Rows below the line were not trained."
        ),
        header=["arm", "seeds", measures[0], f"{measures[0]} − baseline", *measures[1:], dev],
        align="lrr" + "r" * len(measures) + "r",
        groups=groups(table, cells),
        data=table,
    )


def arms_table(table: pd.DataFrame) -> Table:
    """What each arm is made of, and which options were chosen for it."""
    entries = ["loss", "teacher", "student", "sampler"]
    rows = table[table["role"] == "final"]

    def cells(row: Row) -> list[Cell]:
        values = [row[key] for key in (*entries, "options")]
        return [name(row), *(Cell(text(value)) for value in values)]

    return Table(
        name="arms",
        title="Arms",
        note="Options are chosen on dev-select; where nothing was tuned they are as written.",
        header=["arm", *entries, "chosen options"],
        align="l" * 6,
        groups=groups(rows, cells),
        data=rows[["arm", *entries, "options"]],
    )
