"""What it took each arm to get where the baseline gets, and how much less that is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bench.storage.clocks import CLOCKS
from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.interval_calibration import pipeline_label
from reports.analysis.selectors import arms, final_runs, tuned_arms
from reports.analysis.speed import speed_by_trials, speed_table, with_shown
from reports.analysis.statistics import interval, restricted
from reports.analysis.targets import AMOUNTS, to_target
from reports.formatting import Row
from reports.tables.base import Cell, Table, best, groups, without_empty

_SECONDS = "train, warm, cold, tuned: charged seconds"


def speed_tables(results: Analysis) -> list[Table]:
    """What getting to each target took, and the ratios to the baseline; none without a target."""
    reached, ratios = reaching(results), speed_table(results)
    found = []
    if len(reached):
        found.append(_reaching_table(results, reached))
    if len(ratios):
        found.append(_speed_table(reached, ratios))
        if tuned_arms(results):
            found.append(_trials_table(speed_by_trials(results)))
    return found


def reaching(results: Analysis) -> pd.DataFrame:
    """A row a target and arm: what getting there took, over seeds.

    Columns: target, gain, quality; arm, seeds, reached, stopped (how many patience had ended);
    resolution (examples between the point and the one before, the largest); and of each amount:
    its mean with low (cut at 0) and high (Student's t), ``… horizon``, and ``… end``, the least
    that a run of the arm had used up at its end. Where some of the arm's runs did not get there the
    mean is restricted to the horizon, the first end of any such run of any arm; else it is inf.
    """
    runs = to_target(results)
    if runs.empty:
        return runs
    ends = _ends(results)
    runs = runs.merge(ends, on=["arm", "seed"])
    rows = []
    for _, same in runs.groupby("target", sort=False):
        horizons = {what: _horizon(same, what) for what in AMOUNTS}
        for arm in arms(results):
            if len(own := same[same["arm"] == arm]):
                rows.append(_row(own, horizons))
    return pd.DataFrame(rows)


def _ends(results: Analysis) -> pd.DataFrame:
    """What each final run had used up in all, as ``end of …``."""
    runs = final_runs(results)
    clocks = {f"end of {clock}": runs.get(f"{clock}_seconds") for clock in CLOCKS}
    return runs[["arm", "seed"]].assign(**{"end of examples": runs["examples"]}, **clocks)


def _horizon(runs: pd.DataFrame, what: str) -> float:
    """The first end of a run that did not get there."""
    ends = runs.loc[~runs["reached"], f"end of {what}"]
    return float(ends.min()) if len(ends) else np.inf


def _row(own: pd.DataFrame, horizons: dict[str, float]) -> dict[str, object]:
    first = own.iloc[0]
    row: dict[str, object] = {name: first[name] for name in ("target", "gain", "quality", "arm")}
    row |= {"seeds": len(own), "reached": int(own["reached"].sum())}
    row |= {"stopped": int(own["stopped"].sum()), "resolution": own["resolution"].max()}
    for what in AMOUNTS:
        # Of runs that all got there nothing is unknown, whatever the horizon of others.
        horizon = np.inf if own["reached"].all() else horizons[what]
        mean = interval(restricted(own[what], horizon))
        low = np.maximum(mean.low, 0.0)  # Student's t knows of no least amount
        row |= {what: mean.mean, f"{what} low": low, f"{what} high": mean.high}
        row |= {f"{what} horizon": horizon, f"{what} end": own[f"end of {what}"].min()}
    return row


def _reaching_table(results: Analysis, table: pd.DataFrame) -> Table:
    there = table["reached"] == table["seeds"]
    bold = {
        f"best {what}": best(table[what].where(there, math.inf), by=table["target"], least=True)
        for what in AMOUNTS
    }
    marked = table.assign(baseline=table["arm"] == results.study.baseline, **bold)

    def cells(row: Row) -> list[Cell]:
        got_there = _got_there(row) + (" †" if row["stopped"] else "")
        texts = (_target(row), formatting.arm_name(row), got_there)
        amounts = [Cell(_amount(row, what), row[f"best {what}"]) for what in AMOUNTS]
        return [*map(Cell, texts), *amounts]

    stopped = " † patience ended some of its runs." if table["stopped"].any() else ""
    return Table(
        name="to-target",
        title="To the target",
        note=(
            "A target is the baseline's quality on dev-curve before training and so much of what "
            "it gains by the end of its budget. A run is there at the first of two consecutive "
            f"points at or above it{_resolution(table)}. {_SECONDS}; means over seeds with 95 % "
            "intervals (Student's t). >: the least that a run used up without getting there; "
            "≥: some seeds did not, a mean up to the first end of such a run. Bold: the least of "
            f"an arm whose seeds all got there.{stopped}"
        ),
        header=["target", "arm", "got there", *AMOUNTS],
        align="llr" + "r" * len(AMOUNTS),
        groups=groups(marked, cells, by="target"),
        data=table,
    )


def _resolution(table: pd.DataFrame) -> str:
    if table["quality"].isna().all():
        return ". The baseline gained nothing: there is no target"
    coarsest = table["resolution"].max()
    known = not math.isnan(coarsest)
    return f": points are up to {formatting.count(coarsest)} examples apart" if known else ""


def _target(row: Row) -> str:
    """``99 % of the gain: 0.441``; a target that is a value is its own name."""
    if math.isnan(row["gain"]) or math.isnan(row["quality"]):
        return row["target"]
    return f"{row['target']}: {formatting.measure(row['quality'])}"


def _got_there(row: Row) -> str:
    """Where the baseline gains nothing there is no target, and nobody failed to get there."""
    known = not math.isnan(row["quality"])
    return f"{row['reached']}/{row['seeds']}" if known else formatting.NOTHING


def _amount(row: Row, what: str) -> str:
    if math.isnan(row["quality"]):
        return formatting.NOTHING
    text, most = (formatting.count, 0) if what == "examples" else (formatting.seconds, 2)
    if not row["reached"]:
        return f"> {text(row[f'{what} end'])}"
    low, high = row[f"{what} low"], row[f"{what} high"]
    if low == high:  # the points are as coarse as that: it says nothing of the seeds
        low = high = math.nan
    partly = "≥" if row["reached"] < row["seeds"] else ""
    return formatting.spanned(row[what], low, high, partly, text, most)


def _speed_table(reached: pd.DataFrame, table: pd.DataFrame) -> Table:
    found = {(row["target"], row["arm"]): row for row in reached.to_dict("records")}
    marked = with_shown(table).assign(best=_fastest(table))
    wide = [
        {**found[place], "rows": rows.set_index("quantity").to_dict("index")}
        for place, rows in marked.groupby(["target", "arm"], sort=False)
    ]

    def cells(row: Row) -> list[Cell]:
        rows = row["rows"]
        texts = (_target(row), formatting.plain(row["arm"]), _got_there(row))
        ratios = [Cell(_ratio(rows[what]), rows[what]["best"]) for what in AMOUNTS]
        return [*map(Cell, texts), *ratios, Cell(_beside(rows))]

    shown = Table(
        name="speed",
        title="Convergence and speed-up",
        note=(
            "examples: the arm's to the target ÷ the baseline's, less is faster; clocks: the "
            "baseline's charged seconds ÷ the arm's, more is faster. Ratios of geometric means, "
            "95 % intervals over seeds (Welch's t of logs) and dev-curve queries (bootstrap, the "
            "target anew). Where a run was censored both are compared up to its end: a bound (≥, "
            "≤) or of restricted means (~). Bold: the fastest, if faster than the baseline; ~ and "
            "bounds the other way aside. "
            f"{_measured(table)}"
        ).rstrip(),
        header=[
            *("target", "arm", "got there", "examples"),
            *(f"{clock} ×" for clock in CLOCKS),
            "interval",
        ],
        align="llr" + "r" * len(AMOUNTS) + "l",
        groups=groups(pd.DataFrame(wide), cells, by="target"),
        data=table,
    )
    return without_empty(shown, "interval")


def _fastest(table: pd.DataFrame) -> pd.Series:
    """Which ratio is the best of its target and quantity, of those that are surely above 1."""
    examples = table["quantity"] == "examples"
    speed = table["ratio"].where(~examples, 1 / table["ratio"])
    least = examples.map({True: "≤", False: "≥"})  # the bound that says: at least as fast
    faster = speed.where((speed > 1) & ((table["bound"] == "") | (table["bound"] == least)))
    return faster == faster.groupby([table["target"], table["quantity"]]).transform("max")


def _measured(table: pd.DataFrame) -> str:
    """How often such intervals hold the truth, seeds and queries drawn anew."""
    fewest = int(table[["seeds", "baseline seeds"]].min(axis=None))
    shown = pipeline_label(fewest, queries=bool(table["low"].notna().any()))
    return f"{shown[0].upper()}{shown[1:]}." if shown else ""


def _ratio(row: Row) -> str:
    return formatting.spanned(row["ratio"], row["shown low"], row["shown high"], row["bound"])


def _beside(rows: Mapping[str, Row]) -> str:
    """What has to stand beside the intervals: of all quantities, or of those that it is true of."""
    said: dict[str, list[str]] = {}
    for what, row in rows.items():
        if not math.isnan(row["seeds low"]):
            alone = "over seeds alone" if math.isnan(row["low"]) else ""
            text = ", ".join(filter(None, (alone, row["coverage"])))
            said.setdefault(text, []).append(str(what))
    if len(said) < 2:
        return "".join(said)
    return "; ".join(f"{', '.join(whose)}: {text}" for text, whose in said.items() if text)


def _trials_table(table: pd.DataFrame) -> Table:
    """A row a target and arm, a column a number of trials."""
    told = table.assign(told=[_bounded(row) for row in table.to_dict("records")])
    wide = told.pivot(index=["target", "arm"], columns="trials", values="told")
    wide = wide.reindex(table.drop_duplicates(["target", "arm"])[["target", "arm"]])
    trials = list(wide.columns)

    def cells(row: Row) -> list[Cell]:
        ratios = [row[number] for number in trials]
        return [Cell(text) for text in (row["target"], formatting.plain(row["arm"]), *ratios)]

    return Table(
        name="speed-by-trials",
        title="Speed-up by the number of tuning trials",
        note=(
            "The baseline's charged seconds to the target ÷ the arm's, both with so many tuning "
            "trials on their bills (an arm with fewer, with all of its own); with none the cold "
            "speed-up. Bounds (≥, ≤) and ~ as above."
        ),
        header=["target", "arm", *(_trials(number) for number in trials)],
        align="ll" + "r" * len(trials),
        groups=groups(wide.reset_index(), cells, by="target"),
        data=table,
    )


def _bounded(row: Row) -> str:
    """``≥ 3.2``."""
    return formatting.spanned(row["ratio"], math.nan, math.nan, row["bound"])


def _trials(number: int) -> str:
    return f"{number} trial" + ("" if number == 1 else "s")
