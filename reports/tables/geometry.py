"""How near students are to their teacher, as people read it."""

from __future__ import annotations

import math

import pandas as pd

from bench.results import ERRORS
from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.teacher_agreement import AGREEMENT, COLLAPSE, geometry_table, theory_table
from reports.formatting import Row
from reports.tables.base import Cell, Table, groups, name, without_empty


def geometry_tables(results: Analysis) -> list[Table]:
    """Of every arm, and EmbedDistill's theory in its testable form; those with rows."""
    arms, theory = geometry_table(results), theory_table(results)
    # A gap alone says nothing of geometry: so it is with the records of older versions.
    watched = arms.drop(columns=["arm", "teacher", "seeds", "gap", "gap low", "gap high"])
    found = [_geometry(results, arms)] if watched.notna().any(axis=None) else []
    return [*found, *([_theory(theory)] if len(theory) else [])]


def _geometry(results: Analysis, table: pd.DataFrame) -> Table:
    def cells(row: Row) -> list[Cell]:
        overlap, tau = (row[key] for key in AGREEMENT)
        near = [formatting.measure(value) for value in (*(row[key] for key in ERRORS), overlap)]
        gap = formatting.change(row, "gap")
        watched = [_course(row, key) for key in COLLAPSE]
        teacher = formatting.plain(row["teacher"]) or formatting.NOTHING
        return [name(row), *map(Cell, (teacher, *near, formatting.signed(tau), gap, *watched))]

    said = [words for column, words in _note(results).items() if table[column].notna().any()]
    shown = Table(
        name="geometry",
        title="Students beside their teacher",
        note=" ".join(["On dev-curve at the tested point, means over seeds.", *said]),
        header=["arm", "teacher", "‖q‖", "‖d‖", "overlap", "τ", "gap", "cosine", "target"],
        align="llrrrrrrr",
        groups=groups(table, cells),
        data=table,
    )
    return without_empty(shown, *shown.header[1:])


def _note(results: Analysis) -> dict[str, str]:
    """How to read it, by a column of the data that the words are of."""
    return {
        ERRORS[0]: (
            "‖q‖, ‖d‖: mean distance of query and relevant document vectors to the teacher's, "
            "where both are as wide."
        ),
        AGREEMENT[0]: (
            "overlap: of the teacher's first ten documents, the share among the student's; τ: "
            "Kendall's, of their order."
        ),
        "gap": f"gap: the teacher's {results.study.primary} minus the student's.",
        f"{COLLAPSE[0]} last": (
            "cosine: of two documents of a batch before the first evaluation point → before the "
            "last, near 1 when the space collapses."
        ),
        f"{COLLAPSE[1]} last": "target: the loss's mean target, likewise.",
    }


def _course(row: Row, key: str) -> str:
    first, last = row[f"{key} first"], row[f"{key} last"]
    if math.isnan(last):
        return formatting.NOTHING
    return f"{formatting.fixed(first, 2)} → {formatting.fixed(last, 2)}"


_ERRORS = {"query_error": "queries", "document_error": "documents", "both": "both"}


def _theory(table: pd.DataFrame) -> Table:
    def cells(row: Row) -> list[Cell]:
        found = [formatting.signed(row["correlation"], 2), formatting.p_value(row["p"])]
        every = formatting.signed(row["correlation of runs"], 2)
        counts = str(row["arms"]), *found, str(row["runs"]), every
        return [
            Cell(formatting.plain(row["teacher"])),
            Cell(_ERRORS[row["error"]]),
            *map(Cell, counts),
        ]

    return Table(
        name="theory",
        title="Nearer vectors, nearer quality?",
        note=(
            "Spearman's ρ over the means of arms: how far students' vectors are from their "
            "teacher's, with how far their quality on dev-curve is from it (EmbedDistill's bound "
            "on the gap grows with both distances); p by permutation of the arms. Over a handful "
            "of arms that differ in more than their vectors it is no proof. ρ of runs takes the "
            "seeds of an arm as independent."
        ),
        header=["teacher", "distance of", "arms", "ρ", "p", "runs", "ρ of runs"],
        align="llrrrrr",
        groups=groups(table, cells),
        data=table,
    )
