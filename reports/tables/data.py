"""What share of the data each arm needs."""

from __future__ import annotations

import math

import pandas as pd

from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.data_fraction import fractions_table, shares_table
from reports.formatting import Row
from reports.tables.base import Cell, Table, best, groups, name, without_empty


def data_tables(results: Analysis) -> list[Table]:
    """Quality on each share of the train queries, and where the target is met; none without."""
    shares, fractions = shares_table(results), fractions_table(results)
    found = [_shares_table(results, shares)] if len(shares) else []
    return [*found, *([_fractions_table(results, fractions)] if len(fractions) else [])]


def _shares_table(results: Analysis, table: pd.DataFrame) -> Table:
    study = results.study
    marked = table.assign(
        baseline=table["arm"] == study.baseline,
        best=best(table["test"], by=table["train_share"]),
    )

    def cells(row: Row) -> list[Cell]:
        used = [formatting.count(row[key]) for key in ("train_queries", "labels")]
        dev, test = (formatting.spread(row, part) for part in ("dev", "test"))
        untrained = str(row["best at the start"] or "")
        share = formatting.percent(row["train_share"])
        texts = (share, str(row["seeds"]), *used, dev)
        return [name(row), *map(Cell, texts), Cell(test, row["best"]), Cell(untrained)]

    shown = Table(
        name="data-shares",
        title="Quality by the share of train queries",
        note=(
            "Nested shares; on each an arm is tuned and trained anew with the whole budget, its "
            "teacher fine-tuned on that share. queries, labels: how many different ones a run used "
            f"up, its teacher's included. {study.primary} at the tested point on dev-curve and on "
            f"{study.test[0]}, means over seeds with 95 % intervals (Student's t). Bold: the best "
            "of a share. untrained: seeds whose best point on dev-select was the start."
        ),
        header=["arm", "% of queries", "seeds", "queries", "labels", "dev", "test", "untrained"],
        align="lrrrrrrr",
        groups=groups(marked, cells, by="arm"),
        data=table,
    )
    return without_empty(shown, "untrained")


def _fractions_table(results: Analysis, table: pd.DataFrame) -> Table:
    known = table["fraction"].where(table["bound"] == "").fillna(math.inf)
    marked = table.assign(
        baseline=table["arm"] == results.study.baseline,
        best=best(known, by=table["target"], least=True),
    )

    def cells(row: Row) -> list[Cell]:
        share = formatting.NOTHING if math.isnan(row["share"]) else formatting.percent(row["share"])
        value = formatting.spanned(row["fraction"], row["low"], row["high"], row["bound"])
        queries = (row["queries low"], row["queries high"])
        between = formatting.spanned(row["fraction"], *queries)
        if math.isnan(queries[0]):
            between = formatting.NOTHING
        known = not math.isnan(row["quality"])
        counted = f"{row['reached']}/{row['seeds']}" if known else formatting.NOTHING
        texts = (row["target"], formatting.arm_name(row), counted, share)
        return [*map(Cell, texts), Cell(value, row["best"]), Cell(between)]

    return Table(
        name="data-fraction",
        title="Data fraction",
        note=(
            "The labels with which an arm reaches the baseline trained on everything ÷ the "
            "baseline's: by seed, at the first of two consecutive shares at or above the target on "
            "dev-curve (everything alone does not count). Geometric means, 95 % intervals over "
            "seeds and queries, and over queries alone; ≥: some seeds did not get there. Bold: the "
            "fewest labels of an arm whose seeds all did. As fine as the shares are."
        ),
        header=["target", "arm", "got there", "% of queries", "fraction of labels", "over queries"],
        align="llrrrr",
        groups=groups(marked, cells, by="target"),
        data=table,
    )
