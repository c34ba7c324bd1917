"""The report's tables: every number in full for CSV, and rounded as people read it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.results import CLOCKS, Results
from reports import wording
from reports.costs import PHASES, artifact_costs, phase_costs
from reports.reading import measure_columns, tuned_arms
from reports.retention import RESAMPLES, retention_table
from reports.statistics import arm_table, dev_column
from reports.tuning import tuning_table
from reports.wording import Row

_OVER = ("seeds", "queries")
"""What the intervals of a retention are over."""


@dataclass(frozen=True)
class Cell:
    """What a reader sees of one value."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """A table as it is shown, with the data behind it.

    Attributes:
        name: the name of its files.
        note: how to read it.
        align: ``l`` (text) or ``r`` (numbers) for each column.
        groups: rows that belong together, set apart from the next ones.
    """

    name: str
    title: str
    note: str
    header: Sequence[str]
    align: str
    groups: Sequence[Sequence[Sequence[Cell]]]
    data: pd.DataFrame


def all_tables(results: Results) -> list[Table]:
    """Every table of the report that has something to show."""
    table, retained = arm_table(results), retention_table(results)
    return [
        results_table(results, table),
        *([retained_table(results, retained)] if len(retained) else []),
        arms_table(table),
        charges_table(table),
        *([tuned_table(results, table)] if tuned_arms(results) else []),
        costs_table(results),
        artifacts_table(results),
    ]


def results_table(results: Results, table: pd.DataFrame) -> Table:
    """Test measures with their intervals, the best mean of an arm in bold."""
    measures, dev = measure_columns(results.study), dev_column(results)
    trained = table[table["role"] == "final"]
    best = {name: trained[name].max() for name in measures}

    def cells(row: Row) -> list[Cell]:
        is_arm = row["role"] == "final"
        seeds = wording.seeds(row["seeds"], row["done"], row["failed"]) if is_arm else ""
        first, *others = [
            Cell(wording.spread(row, name), is_arm and row[name] == best[name]) for name in measures
        ]
        difference = Cell(wording.difference(row, measures[0]))
        return [_name(row), Cell(seeds), first, difference, *others, Cell(wording.spread(row, dev))]

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
        groups=_groups(table, cells),
        data=table,
    )


def retained_table(results: Results, table: pd.DataFrame) -> Table:
    """What each arm keeps of its teacher's quality, and what it takes to serve it."""
    study = results.study

    def cells(row: Row) -> list[Cell]:
        kept = [wording.percent(row["retention"]), *(wording.bounds(row, by) for by in _OVER)]
        sizes = [wording.amount(row["size"]), wording.ratio(row["share"])]
        speed = [wording.amount(row["query_flops"]), wording.seconds(1000 * row["query_seconds"])]
        texts = [wording.plain(row["of"]), wording.count(row["seeds"]), *kept, *sizes, *speed]
        return [_name(row), *map(Cell, texts)]

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
            "a query of mean length; ms is the time of one query by itself on this machine."
        ),
        header=[
            *("arm", "teacher", "seeds", "retention %", *(f"95 % over {by}" for by in _OVER)),
            *("query parameters", "× teacher", "query FLOPs", "ms per query"),
        ],
        align="llrrrrrrrr",
        groups=_groups(table, cells),
        data=table,
    )


def arms_table(table: pd.DataFrame) -> Table:
    """What each arm is made of, and which options were chosen for it."""
    entries = ["loss", "teacher", "student", "sampler"]
    rows = table[table["role"] == "final"]

    def cells(row: Row) -> list[Cell]:
        values = [row[key] for key in (*entries, "options")]
        return [_name(row), *(Cell(_text(value)) for value in values)]

    return Table(
        name="arms",
        title="Arms",
        note="Options are chosen on dev-select; where nothing was tuned they are as written.",
        header=["arm", *entries, "chosen options"],
        align="l" * 6,
        groups=_groups(rows, cells),
        data=rows[["arm", *entries, "options"]],
    )


def charges_table(table: pd.DataFrame) -> Table:
    """What a final run of each arm consumed, and what the arm is charged for it."""
    rows = table[table["role"] == "final"]

    def cells(row: Row) -> list[Cell]:
        counts = [Cell(wording.count(row[key])) for key in ("examples", "parameters")]
        return [_name(row), *counts, *(Cell(wording.seconds(row[key])) for key in CLOCKS)]

    return Table(
        name="charges",
        title="Charged seconds of a run",
        note=(
            "Means over seeds. train: data, forward, backward, optimiser. cold: train and every "
            "artifact the arm needs, as if it had to make them alone. warm: train and reading "
            "them. tuned: cold and all tuning trials of the arm with their dev evaluations."
        ),
        header=["arm", "examples", "parameters", "train", "cold", "warm", "tuned"],
        align="lrrrrrr",
        groups=_groups(rows, cells),
        data=rows[["arm", "examples", "parameters", *CLOCKS]],
    )


def tuned_table(results: Results, arms: pd.DataFrame) -> Table:
    """What choosing each arm's options took, and what came of it."""
    chosen = arms[arms["role"] == "final"].set_index("arm")["options"]
    table = tuning_table(results).assign(options=lambda rows: rows["arm"].map(chosen))

    def cells(row: Row) -> list[Cell]:
        trials = wording.trials(*(row[key] for key in ("trials", "pruned", "failed")))
        spent = [wording.seconds(row[key]) for key in ("seconds", "seconds a trial", "charged")]
        known = not math.isnan(row["share"])
        share = wording.percent(row["share"]) if known else wording.NOTHING
        best = wording.measure(row["best"])
        return [_name(row), *map(Cell, (trials, *spent, share, best, _text(row["options"])))]

    return Table(
        name="tuning",
        title="Tuning",
        note=(
            "Seconds: training and dev evaluations of all trials, pruned and failed ones too, and "
            "the artifacts that they needed and the run does not. "
            "tuned: what a run is charged, cold and all of that, the mean over seeds. An arm "
            "without trials is charged its cold seconds. The best value is that of one run with "
            "one seed, chosen for being the best: it flatters, the more so the more trials."
        ),
        header=[
            *("arm", "trials", "tuning seconds", "a trial", "tuned", "tuning %"),
            *(f"best dev-select {results.study.primary}", "chosen options"),
        ],
        align="lrrrrrrl",
        groups=_groups(table, cells),
        data=table,
    )


def costs_table(results: Results) -> Table:
    """The ledger by phase."""
    table = phase_costs(results)
    phases = list(table.columns[1:])
    return Table(
        name="costs",
        title="Seconds by phase",
        note=(
            "Means of a final run; artifacts once an arm, whoever made them; tuning is the "
            "training and the dev evaluations of all its trials."
        ),
        header=["arm", *(PHASES.get(phase, "all tuning trials") for phase in phases)],
        align="l" + "r" * len(phases),
        groups=_groups(table, lambda row: [_name(row), *_seconds(row, phases)]),
        data=table,
    )


def artifacts_table(results: Results) -> Table:
    """Every artifact that an arm is charged for."""
    table = artifact_costs(results)

    def cells(row: Row) -> list[Cell]:
        counts = [Cell(wording.count(row[key])) for key in ("texts", "tokens")]
        reused = Cell("yes" if row["reused"] else "no")
        what = [Cell(wording.plain(row[key])) for key in ("what", "device")]
        return [_name(row), *what, reused, *_seconds(row, ["seconds"]), *counts]

    return Table(
        name="artifacts",
        title="Artifacts",
        note=(
            "An artifact keeps the bill of when it was made, and every arm that needs it is "
            "charged. reused: it was there when the arm's first final run began."
        ),
        header=["arm", "artifact", "device", "reused", "seconds", "texts", "tokens"],
        align="llllrrr",
        groups=_groups(table, cells),
        data=table,
    )


def _groups(table: pd.DataFrame, cells: Callable[[Row], list[Cell]]) -> list[list[list[Cell]]]:
    """Arms, then references; a table without roles is one group."""
    roles = table["role"] if "role" in table else pd.Series("", index=table.index)
    return [
        [cells(row) for row in rows.to_dict("records")]
        for _, rows in table.groupby(roles, sort=False)
    ]


def _name(row: Row) -> Cell:
    return Cell(wording.arm_name(row))


def _text(value: Any) -> str:
    return wording.NOTHING if pd.isna(value) or value == "" else wording.plain(value)


def _seconds(row: Row, keys: Sequence[str]) -> list[Cell]:
    return [Cell(wording.seconds(row[key])) for key in keys]
