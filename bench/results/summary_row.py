"""A run's row of summary.csv, from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.results.columns import (
    COUNTS,
    ERRORS,
    LABELS,
    PACE,
    RUN_LABELS,
    SIZES,
    SPEEDS,
    TENTHS,
    measure_column,
)
from bench.storage.clocks import CLOCKS
from bench.storage.finished_run import FinishedRun
from bench.storage.ledger import charge, tuning_seconds
from bench.storage.records import Role, RunFolder
from bench.study.schema import Study


@dataclass(frozen=True)
class Row:
    """One finished run of a study, and which arm and role it plays.

    Attributes:
        folder: where its record is.
        entries: loss, teacher, student and sampler as tables name them.
        options: the values of everything that a search space of the study varies.
        trial: the proposal it belongs to; -1 for reference runs.
        retains: the reference row of the teacher that its quality is divided by; empty for none.
        train_share: of the train queries that it was given.
    """

    arm: str
    role: Role
    trial: int
    seed: int
    folder: RunFolder
    run: FinishedRun
    entries: Mapping[str, str]
    options: Mapping[str, Any]
    retains: str = ""
    train_share: float = 1.0


PAID = {"tuning": ("done", "pruned", "failed")}
"""Statuses of the runs that are paid for, by role; ``done`` and ``pruned`` for other roles.

A failed trial is paid for by its arm; a failed final run is in nobody's mean.
"""


def is_paid(row: Row) -> bool:
    """Whether the run's bills are in the ledger."""
    return row.run.status in PAID.get(row.role, ("done", "pruned"))


def summary_row(
    study: Study, row: Row, trials: Sequence[Row], teacher: Row | None
) -> dict[str, Any]:
    """The run's row, by column.

    Args:
        trials: the finished trials of the run's arm, on the same share of the train queries.
        teacher: the reference row that its quality is divided by.
    """
    run = row.run
    labels = {key: getattr(row, key) for key in (*RUN_LABELS, "train_share")}
    values = {"study": study.name, **labels, **row.entries, **row.options, "status": run.status}
    values["run"] = run.id
    record = run.record
    if run.status == "failed":
        return {**values, "error": record["error"]}
    values |= {key: record[key] for key in (*COUNTS, "best_point", "unpriced")}
    values["stopped"] = record.get("stopped")
    values |= {key: record.get(key) for key in (*LABELS, *SIZES, *SPEEDS)}
    pace, errors = record.get("reference_step") or {}, record.get("geometry") or {}
    values |= dict(zip(PACE, (pace.get("start"), pace.get("end")), strict=True))
    values |= dict(zip(TENTHS, _tenths(record.get("tenths") or []), strict=True))
    values["peak_memory"] = record.get("peak_memory")
    values |= dict(zip(ERRORS, (errors.get("queries"), errors.get("documents")), strict=True))
    values["environment"] = ", ".join(
        f"{name} {value}" for name, value in record["environment"].items()
    )
    values |= _charges(row, trials)
    if row.role != "tuning":
        for part, means in sorted(run.means.items()):
            for name in study.measures:
                values[measure_column(name, part)] = means[name]
        values |= _retention(study, row, teacher)
    return values


def _charges(row: Row, trials: Sequence[Row]) -> dict[str, float]:
    """Charged seconds by clock; of clocks with trials for final runs alone."""
    own = row.run.bills
    seconds = {name: charge(own, name) for name, clock in CLOCKS.items() if not clock.trials}
    if row.role == "final":
        tuning = tuning_seconds(own, [trial.run.bills for trial in trials if is_paid(trial)])
        tuned = [name for name, clock in CLOCKS.items() if clock.trials]
        seconds |= {name: charge(own, name) + tuning for name in tuned}
    return {f"{name}_seconds": value for name, value in seconds.items()}


def _tenths(marks: Sequence[tuple[int, float]]) -> tuple[float | None, float | None]:
    """Seconds of a step before the first and after the last but one of (steps, seconds); unknown
    where tenths of the budget are a few steps, whose seconds are those of their texts."""
    if len(marks) < 2 or marks[0][0] < FEWEST_STEPS:
        return None, None
    (steps, seconds), (before, since), (after, until) = marks[0], *marks[-2:]
    return seconds / steps, (until - since) / (after - before) if after > before else None


FEWEST_STEPS = 5
"""Of a tenth whose seconds are told."""


def _retention(study: Study, row: Row, teacher: Row | None) -> dict[str, Any]:
    """The primary measure as a share of the teacher's, on the same queries of the first test part.

    Where the teacher was not measured, or has found nothing, there is none.
    """
    if teacher is None or teacher.run.status != "done":
        return {}
    theirs = _first_test(study, teacher)
    share = _first_test(study, row) / theirs if theirs else None
    return {"retention": share, "retention_of": row.retains}


def _first_test(study: Study, row: Row) -> float:
    return row.run.means[study.test[0]][study.primary]
