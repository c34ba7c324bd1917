"""What each arm is made of, and how good its students are."""

from __future__ import annotations

import math

import pandas as pd

from bench.results import Results
from reports import wording
from reports.arm_table import dev_column
from reports.reading import measure_columns
from reports.tables.base import Cell, Table, groups, name, text
from reports.wording import Row

SIGNIFICANT = 0.05


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


def comparison_table(table: pd.DataFrame) -> Table:
    """Whether each arm is better than the baseline, worse, or as good (`reports.quality`)."""

    def cells(row: Row) -> list[Cell]:
        both, between = (_signed_bounds(row, over) for over in ("", "queries "))
        mark = "*" if row["p Holm"] < SIGNIFICANT else ""
        gap = f"{wording.signed(row['difference'])}{mark}"
        known = [wording.p_value(row["p Holm"]), wording.signed(row["effect size"], 2)]
        counts = f"{row['wins']} / {row['ties']} / {row['losses']}"
        matches = row["matches"] or wording.NOTHING
        texts = (wording.plain(row["arm"]), gap, both, between, *known, counts, matches)
        return [Cell(text) for text in (row["test"], *texts)]

    return Table(
        name="comparison",
        title="Against the baseline",
        note=(
            "The primary measure minus the baseline's, by test. 95 %: over seeds and queries "
            "(Welch's variance and the queries' bootstrap variance together; rather too wide for "
            "arms that are alike: 97 to 98 % in simulation). over queries: bootstrap, seeds "
            "averaged. p: paired randomisation test on seed-averaged queries, adjusted by Holm for "
            "all arms of the study on its first test; * is p < 0.05, on other tests nothing is "
            "tested. d: mean ÷ standard deviation of the queries' differences. Queries won, tied, "
            f"lost. {_matching(table)}"
        ),
        header=[
            *("test", "arm", "difference", "95 %", "over queries", "p (Holm)", "d", "w / t / l"),
            "matches",
        ],
        align="llrrrrrrl",
        groups=groups(table, cells, by="test"),
        data=table,
    )


def _signed_bounds(row: Row, over: str) -> str:
    low, high = row[f"{over}low"], row[f"{over}high"]
    if math.isnan(low):
        return wording.NOTHING
    return f"[{wording.signed(low)}, {wording.signed(high)}]"


def _matching(table: pd.DataFrame) -> str:
    margin = table["margin"].iloc[0]
    if margin is None or pd.isna(margin):
        return "The study states no margin within which an arm matches the baseline."
    return (
        f"An arm matches the baseline (yes) if the whole 95 % interval lies above −{margin:g}, the "
        "study's margin; no: all of it lies below; open: neither."
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
