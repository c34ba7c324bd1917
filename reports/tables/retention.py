"""What each arm keeps of its teacher's quality, and what it takes to serve it."""

from __future__ import annotations

import pandas as pd

from bench.results import Results
from reports import wording
from reports.retention import FRONTS
from reports.tables.base import Cell, Table, best, groups, name
from reports.wording import Row

_OVER = ("seeds", "queries")
"""What the intervals of a retention are over."""


def retained_table(results: Results, table: pd.DataFrame) -> Table:
    """What each arm keeps of its teacher's quality, and what it takes to serve it."""
    study = results.study

    marked = table.assign(best=best(table["retention"], by=table["of"]))

    def cells(row: Row) -> list[Cell]:
        kept = [
            Cell(wording.percents(row["retention"], row[f"{by} low"], row[f"{by} high"]), bold)
            for by, bold in zip(_OVER, (row["best"], False), strict=True)
        ]
        spent = [wording.amount(row["size"]), wording.amount(row["query_flops"])]
        spent.append(wording.seconds(1000 * row["query_seconds"]))
        marks = ["*" if row[front] else "" for front in FRONTS]
        size, *speed = [text + mark for text, mark in zip(spent, marks, strict=True)]
        taught = [wording.plain(row["of"]), wording.count(row["seeds"])]
        taken = [size, wording.ratio(row["share"]), *speed]
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
