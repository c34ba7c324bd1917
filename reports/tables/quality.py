"""What each arm is made of, and how good its students are."""

from __future__ import annotations

import math
import re

import pandas as pd

from reports import formatting
from reports.analysis.arm_table import dev_column
from reports.analysis.base import Analysis
from reports.analysis.quality import quality_table
from reports.analysis.selectors import measure_columns
from reports.formatting import Row
from reports.tables.base import Cell, Table, best, groups, name, text, without_empty

SIGNIFICANT = 0.05


def results_table(results: Analysis, table: pd.DataFrame) -> Table:
    """Test measures with their intervals, the best mean of an arm in bold."""
    measures, dev = measure_columns(results.study), dev_column(results)
    trained = table["role"] == "final"
    bold = {f"best {column}": best(table[column].where(trained)) for column in measures}
    compared = quality_table(results)
    marked = significant_arms(compared)

    def cells(row: Row) -> list[Cell]:
        is_arm = row["role"] == "final"
        seeds = formatting.seeds(row["seeds"], row["done"], row["failed"]) if is_arm else ""
        marks = ["*" if is_arm and row["arm"] in marked else "", *[""] * len(measures)]
        first, *others = [
            Cell(formatting.spread(row, column, mark), row[f"best {column}"])
            for column, mark in zip(measures, marks, strict=False)
        ]
        difference = Cell(formatting.difference(row, measures[0]))
        return [
            name(row),
            Cell(seeds),
            first,
            difference,
            *others,
            Cell(formatting.spread(row, dev)),
        ]

    tested = f" * {_DIFFERS}." if compared["p Holm"].notna().any() else ""
    return Table(
        name="results",
        title="Test measures",
        note=(
            "Means over seeds ± half the width of the 95 % interval (Student's t; Welch's of a "
            "difference); with fewer than three seeds the range [lowest, highest]. Bold: the best "
            f"mean of an arm.{tested} dev: dev-curve at the tested point. Rows without seeds were "
            "not trained."
            + "".join(f" {formatting.plain(line)}." for line in results.caveats.notes)
        ),
        header=["arm", "seeds", measures[0], f"{measures[0]} − baseline", *measures[1:], dev],
        align="lrr" + "r" * len(measures) + "r",
        groups=groups(table.assign(**bold), cells),
        data=table,
    )


_DIFFERS = (
    f"differs from the baseline with p < {SIGNIFICANT} (paired randomisation test over queries, "
    "seeds averaged; Holm's correction over arms)"
)


def significant_arms(compared: pd.DataFrame) -> set[str]:
    """The arms that differ from the baseline on the first test, by both the test over queries and
    the interval over seeds and queries."""
    apart = (compared["low"] > 0) | (compared["high"] < 0)
    return set(compared.loc[apart & (compared["p Holm"] < SIGNIFICANT), "arm"])


def comparison_table(table: pd.DataFrame) -> Table:
    """Whether each arm is better than the baseline, worse, or as good (`analysis.quality`)."""
    first, marked = table["test"].iloc[0], significant_arms(table)

    def cells(row: Row) -> list[Cell]:
        gap, both, between = difference_texts(row, row["test"] == first and row["arm"] in marked)
        known = [formatting.p_value(row["p Holm"]), formatting.signed(row["effect size"], 2)]
        matches = row["matches"] or formatting.NOTHING
        names = (row["test"], formatting.plain(row["arm"]))
        return [Cell(text) for text in (*names, gap, both, between, *known, counts(row), matches)]

    shown = Table(
        name="comparison",
        title="Against the baseline",
        note=(
            "The primary measure minus the baseline's. 95 %: over seeds and queries (Welch's "
            "variance plus the bootstrap's; 97 to 98 % in simulation where arms are alike); over "
            f"queries: bootstrap alone. * {_DIFFERS}, on the first test alone. "
            "d: mean ÷ standard deviation of the queries' differences. w / t / l: queries won, "
            f"tied, lost.{_matching(table)}"
        ),
        header=[
            *("test", "arm", "difference", "95 %", "over queries", "p (Holm)", "d", "w / t / l"),
            "matches",
        ],
        align="llrrrrrrl",
        groups=groups(table, cells, by="test"),
        data=table,
    )
    return without_empty(shown, "matches")


def difference_texts(row: Row, significant: bool) -> list[str]:
    """A difference with its mark, and its intervals over seeds and queries and over queries."""
    digits = formatting.decimals(row["difference"], row["low"], row["high"])
    gap = formatting.signed(row["difference"], digits) + ("*" if significant else "")
    return [gap, *(_bounds(row, over, digits) for over in ("", "queries "))]


def counts(row: Row) -> str:
    """Queries won, tied and lost."""
    return f"{row['wins']} / {row['ties']} / {row['losses']}"


def _bounds(row: Row, over: str, digits: int) -> str:
    low, high = row[f"{over}low"], row[f"{over}high"]
    if math.isnan(low):
        return formatting.NOTHING
    return f"[{formatting.signed(low, digits)}, {formatting.signed(high, digits)}]"


def _matching(table: pd.DataFrame) -> str:
    margin = table["margin"].iloc[0]
    if margin is None or pd.isna(margin):
        return ""
    return (
        f" matches: yes, the whole 95 % interval is above −{margin:g}, the study's margin; no, all "
        "of it is below; open, neither."
    )


_LONG = re.compile(r"\d+\.\d{4,}(?:e-?\d+)?")
"""A number with more digits than people read; the data has them all."""


def _shortened(number: re.Match[str]) -> str:
    return f"{float(number[0]):.3g}"


def arms_table(table: pd.DataFrame) -> Table:
    """What each arm is made of, and which options were chosen for it."""
    entries = ["loss", "teacher", "student", "sampler"]
    rows = table[table["role"] == "final"]

    def cells(row: Row) -> list[Cell]:
        values = [_LONG.sub(_shortened, text(row[key])) for key in (*entries, "options")]
        return [name(row), *map(Cell, values)]

    return Table(
        name="arms",
        title="Arms",
        note="Options are chosen on dev-select; where nothing was tuned they are as written.",
        header=["arm", *entries, "chosen options"],
        align="l" * 6,
        groups=groups(rows, cells),
        data=rows[["arm", *entries, "options"]],
    )
