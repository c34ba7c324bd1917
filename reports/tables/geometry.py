"""How near students are to their teacher, as people read it."""

from __future__ import annotations

import math

import pandas as pd

from bench.results import ERRORS, Results
from reports import wording
from reports.geometry import AGREEMENT, COLLAPSE, geometry_table, theory_table
from reports.tables.base import Cell, Table, groups, name
from reports.wording import Row


def geometry_tables(results: Results) -> list[Table]:
    """Of every arm, and EmbedDistill's theory in its testable form; those with rows."""
    arms, theory = geometry_table(results), theory_table(results)
    # A gap alone says nothing of geometry: so it is with the records of older versions.
    watched = arms.drop(columns=["arm", "teacher", "seeds", "gap", "gap low", "gap high"])
    found = [_geometry(results, arms)] if watched.notna().any(axis=None) else []
    return [*found, *([_theory(theory)] if len(theory) else [])]


def _geometry(results: Results, table: pd.DataFrame) -> Table:
    def cells(row: Row) -> list[Cell]:
        overlap, tau = (row[key] for key in AGREEMENT)
        near = [wording.measure(value) for value in (*(row[key] for key in ERRORS), overlap)]
        gap = wording.signed(row["gap"]) + wording.plus_minus(row, "gap")
        watched = [_course(row, key) for key in COLLAPSE]
        teacher = wording.plain(row["teacher"]) or wording.NOTHING
        return [name(row), *map(Cell, (teacher, *near, wording.signed(tau), gap, *watched))]

    return Table(
        name="geometry",
        title="Students beside their teacher",
        note=(
            "On dev-curve, at the tested point, means over seeds. ‖q‖ and ‖d‖: mean distance of "
            "query and relevant document vectors to the teacher's, where both have the same width "
            "(0 where a student has the teacher's documents). overlap: of the teacher's first ten "
            "documents, the share among the student's first ten. τ: Kendall's, of their order. "
            f"gap: the teacher's {results.study.primary} minus the student's. cosine: of two "
            "different documents of a batch, near 1 when the space collapses; target: mean target "
            "of the loss; both before the first evaluation point → before the last."
        ),
        header=["arm", "teacher", "‖q‖", "‖d‖", "overlap", "τ", "gap", "cosine", "target"],
        align="llrrrrrrr",
        groups=groups(table, cells),
        data=table,
    )


def _course(row: Row, key: str) -> str:
    first, last = row[f"{key} first"], row[f"{key} last"]
    if math.isnan(last):
        return wording.NOTHING
    return f"{first:.2f} → {last:.2f}".replace("-", "−")


_ERRORS = {"query_error": "queries", "document_error": "documents", "both": "both"}


def _theory(table: pd.DataFrame) -> Table:
    def cells(row: Row) -> list[Cell]:
        found = [wording.signed(row["correlation"], 2), wording.p_value(row["p"])]
        every = wording.signed(row["correlation of runs"], 2)
        counts = str(row["arms"]), *found, str(row["runs"]), every
        return [
            Cell(wording.plain(row["teacher"])),
            Cell(_ERRORS[row["error"]]),
            *map(Cell, counts),
        ]

    return Table(
        name="theory",
        title="Nearer vectors, nearer quality?",
        note=(
            "Spearman's ρ, over the means of arms, of how far students' vectors are from their "
            "teacher's with how far their quality on dev-curve is from it; p by permutation of the "
            "arms. EmbedDistill's bound on the gap grows with both distances. It says nothing of "
            "students of other widths, and a correlation over a handful of arms that differ in "
            "more than their vectors is no proof. ρ of runs counts the seeds of an arm as if they "
            "were independent."
        ),
        header=["teacher", "distance of", "arms", "ρ", "p", "runs", "ρ of runs"],
        align="llrrrrr",
        groups=groups(table, cells),
        data=table,
    )
