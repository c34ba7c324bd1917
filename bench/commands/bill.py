"""``bench bill``: what is charged to which arm."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.results import CLOCKS as COLUMNS
from bench.results import load_results
from bench.storage.clocks import CLOCKS, PHASES
from reports.analysis import Analysis
from reports.analysis.costs import artifact_costs, phase_costs


def show_bill(folder: Path) -> None:
    """Print a study's artifacts with the arms charged for each, and every arm's seconds.

    Raises:
        InputError: the folder has no results.
    """
    results = Analysis.of(load_results(folder))
    artifacts = artifact_costs(results)
    table = Table("artifact", "seconds", "texts", "tokens", "FLOPs", "device", "charged to")
    for what, rows in artifacts.groupby("what", sort=False):
        bill = rows.iloc[0]
        table.add_row(
            str(what),
            f"{bill['seconds']:,.1f}",
            _count(bill["texts"]),
            _count(bill["tokens"]),
            f"{bill['flops']:.1e}" if bill["flops"] > 0 else "",
            escape(str(bill["device"])),
            escape(", ".join(rows["arm"])),
        )
    console = Console()
    console.print(table)
    phases = phase_costs(results)
    names = {**{name: phase.label for name, phase in PHASES.items()}, "tuning": "tuning trials"}
    used = [phase for phase in names if (phases[phase] > 0).any()]
    clocks = [name.removesuffix("_seconds") for name in COLUMNS if name != "train_seconds"]
    table = Table("arm", *(names[phase] for phase in used), *clocks)
    summary = results.summary
    final = summary[(summary["role"] == "final") & (summary["status"] == "done")]
    charged = final.groupby("arm")[[f"{clock}_seconds" for clock in clocks]].mean()
    for row in phases.to_dict("records"):
        if row["arm"] not in charged.index:
            continue
        seconds = [row[phase] for phase in used] + charged.loc[row["arm"]].tolist()
        table.add_row(escape(str(row["arm"])), *(f"{value:,.1f}" for value in seconds))
    console.print(table)
    print(
        "seconds of a final run (mean over seeds). "
        + "; ".join(f"{clock}: {CLOCKS[clock].note}" for clock in clocks)
    )
    unpriced = final[["arm", "unpriced"]].dropna().drop_duplicates()
    for arm, what in unpriced.itertuples(index=False):
        print(f"nobody is charged for {what} ({arm})")


def _count(value: float) -> str:
    return f"{int(value):,}" if pd.notna(value) and value > 0 else ""
