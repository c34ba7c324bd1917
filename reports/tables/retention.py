"""What each arm keeps of its teacher's quality, and what it takes to serve it."""

from __future__ import annotations

import pandas as pd

from bench.results import Results
from reports import wording
from reports.resampling import RESAMPLES
from reports.retention import FRONTS
from reports.tables.base import Cell, Table, groups, name
from reports.wording import Row

_OVER = ("seeds", "queries")
"""What the intervals of a retention are over."""


def retained_table(results: Results, table: pd.DataFrame) -> Table:
    """What each arm keeps of its teacher's quality, and what it takes to serve it."""
    study = results.study

    def cells(row: Row) -> list[Cell]:
        kept = [wording.percent(row["retention"]), *(wording.bounds(row, by) for by in _OVER)]
        spent = [wording.amount(row["size"]), wording.amount(row["query_flops"])]
        spent.append(wording.seconds(1000 * row["query_seconds"]))
        marks = ["*" if row[front] else "" for front in FRONTS]
        size, *speed = [text + mark for text, mark in zip(spent, marks, strict=True)]
        sizes = [size, wording.ratio(row["share"])]
        texts = [wording.plain(row["of"]), wording.count(row["seeds"]), *kept, *sizes, *speed]
        return [name(row), *map(Cell, texts)]

    return Table(
        name="retention",
        title="Retention",
        note=(
            f"{study.primary} on {study.test[0]} as a share of the teacher's on the same queries, "
            "the mean over seeds, with two 95 % intervals. Over seeds: Student's t of log ratios, "
            "from three seeds on; the queries are taken as given. Over queries: paired bootstrap "
            f"of the test queries ({RESAMPLES:,} resamples), seeds averaged; how seeds differ is "
            "not in it. Each leaves out what the other shows. Parameters are those that encode a "
            "query, × teacher what share of the teacher's they are; FLOPs, estimated, are those of "
            "a query of mean length; ms is the time of one query by itself on this machine. * no "
            "other arm of the same teacher keeps as much for less of it (the Pareto front)."
        ),
        header=[
            *("arm", "teacher", "seeds", "retention %", *(f"95 % over {by}" for by in _OVER)),
            *("query parameters", "× teacher", "query FLOPs", "ms per query"),
        ],
        align="llrrrrrrrr",
        groups=groups(table, cells),
        data=table,
    )
