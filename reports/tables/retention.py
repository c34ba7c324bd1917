"""What each arm keeps of its teacher's quality, and what it takes to serve it."""

from __future__ import annotations

import pandas as pd

from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.retention import FRONTS
from reports.formatting import Row
from reports.tables.base import Cell, Table, best, groups, name

_OVER = ("seeds", "queries")
"""What the intervals of a retention are over."""


def retained_table(results: Analysis, table: pd.DataFrame) -> Table:
    """What each arm keeps of its teacher's quality, and what it takes to serve it."""
    study = results.study

    marked = table.assign(best=best(table["retention"], by=table["of"]))

    def cells(row: Row) -> list[Cell]:
        kept = [
            Cell(formatting.percents(row["retention"], row[f"{by} low"], row[f"{by} high"]), bold)
            for by, bold in zip(_OVER, (row["best"], False), strict=True)
        ]
        spent = [formatting.amount(row["size"]), formatting.amount(row["query_flops"])]
        spent.append(formatting.seconds(1000 * row["query_seconds"]))
        marks = ["*" if row[front] else "" for front in FRONTS]
        size, *speed = [text + mark for text, mark in zip(spent, marks, strict=True)]
        taught = [formatting.plain(row["of"]), formatting.count(row["seeds"])]
        taken = [size, formatting.ratio(row["share"]), *speed]
        return [name(row), *map(Cell, taught), *kept, *map(Cell, taken)]

    return Table(
        name="retention",
        title="Retention",
        note=(
            f"{study.primary} on {study.test[0]} as a percentage of the teacher's, the mean over "
            "seeds with a 95 % interval over seeds (Student's t of logs; the queries as given) and "
            "one over queries (paired bootstrap, seeds averaged): each leaves out what the other "
            "shows. Bold: the most that an arm of a teacher keeps. Parameters that encode a "
            "query, as a share of the teacher's too; estimated FLOPs of a query; ms of one query "
            "alone on this machine. * no arm of the same teacher keeps as much for less of it "
            "(Pareto front)."
        ),
        header=[
            *("arm", "teacher", "seeds", *(f"% kept [over {by}]" for by in _OVER)),
            *("parameters", "share", "FLOPs", "ms"),
        ],
        align="llrrrrrrr",
        groups=groups(marked, cells),
        data=table,
    )
