"""What each arm is charged, and what for."""

from __future__ import annotations

import math

import pandas as pd

from bench.results import CLOCKS
from bench.storage import clocks
from bench.storage.clocks import PHASES
from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.costs import artifact_costs, phase_costs
from reports.analysis.tuning import tuning_table
from reports.formatting import Row
from reports.tables.base import Cell, Table, groups, name, seconds, text


def charges_table(table: pd.DataFrame) -> Table:
    """What a final run of each arm consumed, and what the arm is charged for it."""
    rows = table[table["role"] == "final"]
    names = [column.removesuffix("_seconds") for column in CLOCKS]

    def cells(row: Row) -> list[Cell]:
        counts = [formatting.count(row["examples"]), formatting.amount(row["parameters"])]
        return [name(row), *map(Cell, counts), *seconds(row, CLOCKS)]

    return Table(
        name="charges",
        title="Charged seconds of a run",
        note=(
            "Means over seeds. "
            + " ".join(f"{clock}: {clocks.CLOCKS[clock].note}." for clock in names)
        ),
        header=["arm", "examples", "parameters", *names],
        align="lrr" + "r" * len(names),
        groups=groups(rows, cells),
        data=rows[["arm", "examples", "parameters", *CLOCKS]],
    )


def tuned_table(results: Analysis, arms: pd.DataFrame) -> Table:
    """What choosing each arm's options took, and what came of it."""
    chosen = arms[arms["role"] == "final"].set_index("arm")["options"]
    table = tuning_table(results).assign(options=lambda rows: rows["arm"].map(chosen))

    def cells(row: Row) -> list[Cell]:
        trials = formatting.trials(*(row[key] for key in ("trials", "pruned", "failed")))
        spent = [formatting.seconds(row[key]) for key in ("seconds", "seconds a trial", "charged")]
        known = not math.isnan(row["share"])
        share = formatting.percent(row["share"]) if known else formatting.NOTHING
        best = formatting.measure(row["best"])
        return [name(row), *map(Cell, (trials, *spent, share, best, text(row["options"])))]

    return Table(
        name="tuning",
        title="Tuning",
        note=(
            "Seconds of tuning: training and dev evaluations of all trials, pruned and failed ones "
            "too, and artifacts that only they needed. tuned: what a run is charged, cold and all "
            "of that; %: the share of tuning in it. The best value is one run's, chosen for being "
            "the best: it flatters, the more so the more trials."
        ),
        header=[
            *("arm", "trials", "tuning", "a trial", "tuned", "%"),
            *(f"best dev-select {results.study.primary}", "chosen options"),
        ],
        align="lrrrrrrl",
        groups=groups(table, cells),
        data=table,
    )


_SEEN = 0.005
"""Seconds that are not rounded to nothing."""


def costs_table(results: Analysis) -> Table:
    """The ledger by phase."""
    table = phase_costs(results)
    phases = [phase for phase in table.columns[1:] if table[phase].max() >= _SEEN]
    return Table(
        name="costs",
        title="Seconds by phase",
        note=(
            "Means of a final run; artifacts whoever made them; tuning: the training "
            "and the dev evaluations of all trials. Phases that took no time are left out."
        ),
        header=["arm", *(PHASES[phase].label if phase in PHASES else phase for phase in phases)],
        align="l" + "r" * len(phases),
        groups=groups(table, lambda row: [name(row), *seconds(row, phases)]),
        data=table,
    )


def artifacts_table(results: Analysis) -> Table:
    """Every artifact that an arm is charged for."""
    table = artifact_costs(results)

    def cells(row: Row) -> list[Cell]:
        counts = [Cell(formatting.count(row[key])) for key in ("texts", "tokens")]
        reused = Cell("yes" if row["reused"] else "no")
        what = [Cell(formatting.plain(row[key])) for key in ("what", "device")]
        return [name(row), *what, reused, *seconds(row, ["seconds"]), *counts]

    return Table(
        name="artifacts",
        title="Artifacts",
        note=(
            "An artifact keeps the bill of when it was made, and every arm that needs it is "
            "charged. reused: it was there when the arm's first final run began."
        ),
        header=["arm", "artifact", "device", "reused", "seconds", "texts", "tokens"],
        align="llllrrr",
        groups=groups(table, cells),
        data=table,
    )
