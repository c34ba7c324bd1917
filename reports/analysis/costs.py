"""Where an arm's seconds went: the ledger, summed by phase and by artifact."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.storage.clocks import ARTIFACT_PHASES, CLOCKS, PHASES, TRIAL_PHASES
from bench.storage.ledger import Bill, charge, tuning_seconds
from reports.analysis.base import Analysis, cached
from reports.analysis.selectors import RUN, arms, final_runs

_ARTIFACT = ["arm", "what", "phase", "seconds", "texts", "tokens", "flops", "device", "reused"]


@cached
def phase_costs(results: Analysis) -> pd.DataFrame:
    """Seconds of an arm by phase: a final run's mean, and all tuning trials."""
    bills = results.ledger.reindex(columns=[*RUN, "phase", "what", "seconds"])
    final = bills[bills["role"] == "final"]
    runs = final.groupby("arm")["seed"].nunique()
    table = final.pivot_table(index="arm", columns="phase", values="seconds", aggfunc="sum")
    table = table.div(runs, axis="index")
    trials = bills[(bills["role"] == "tuning") & bills["phase"].isin(TRIAL_PHASES)]
    table["tuning"] = trials.groupby("arm")["seconds"].sum()
    return (
        table.reindex(index=arms(results), columns=[*PHASES, "tuning"])
        .fillna(0.0)
        .rename_axis(index="arm", columns=None)
        .reset_index()
    )


def artifact_costs(results: Analysis) -> pd.DataFrame:
    """Every artifact of an arm's final runs once, at what making it cost whoever made it."""
    bills = results.ledger.reindex(columns=[*RUN, *_ARTIFACT[1:]])
    rows = bills[(bills["role"] == "final") & bills["phase"].isin(ARTIFACT_PHASES)]
    return rows.drop_duplicates(["arm", "what"])[_ARTIFACT].reset_index(drop=True)


def charged(results: Analysis, trained: pd.DataFrame, clock: str) -> pd.DataFrame:
    """Rows of curves of final runs, with the seconds that each run is charged up to each point.

    Columns before the others: clock; behind them: fixed_seconds, due before the first step
    (reading; artifacts; trials), and seconds: that, training up to the point, and what is due as
    examples are consumed (scoring the drawn pairs, mining along the way), each example alike.

    Args:
        clock: a name of `bench.storage.clocks.CLOCKS`.
    """
    runs = final_runs(results).set_index(RUN)
    bills = results.ledger.reindex(columns=[*RUN, "phase", "seconds"])

    def total(phases: list[str]) -> pd.Series:
        due = bills[bills["phase"].isin(phases)].groupby(RUN)["seconds"].sum()
        return due.reindex(runs.index).fillna(0.0)

    phases = [phase for phase in CLOCKS[clock].by_example if phase != "train"]  # it has a curve
    fixed, by_example = total(CLOCKS[clock].at_once), total(phases)
    if CLOCKS[clock].trials:
        fixed += runs["tuned_seconds"] - runs["cold_seconds"]
    charges = pd.DataFrame(
        {"fixed_seconds": fixed, "by_example": by_example / runs["examples"].clip(lower=1)}
    )
    rows = trained.join(charges, on=RUN)
    rows.insert(0, "clock", clock)
    due_by_then = rows["fixed_seconds"] + rows.pop("by_example") * rows["examples"]
    return rows.assign(seconds=due_by_then + rows["train_seconds"])


@cached
def tuning_costs(results: Analysis) -> pd.DataFrame:
    """What each arm has been charged after each of its trials, in their order.

    Columns: arm; trials, from 0 to all that have a bill; trial, the number of the last one (-1
    before the first); seconds of tuning; charged, which is a run's cold seconds and these; both as
    means over final runs. Where no final run is done, ``charged`` is empty, and tuning pays for all
    artifacts of its trials.
    """
    finals, trials = _bills(results, "final"), _bills(results, "tuning")
    rows = []
    for arm in arms(results):
        runs, tried = list(finals.get(arm, {}).values()), trials.get(arm, {})
        numbers = [-1, *(number for number, _ in tried)]
        cold = np.mean([charge(run, "cold") for run in runs]) if runs else np.nan
        for count, number in enumerate(numbers):
            before = list(tried.values())[:count]
            spent = float(np.mean([tuning_seconds(run, before) for run in runs or [[]]]))
            rows.append((arm, count, number, spent, cold + spent))
    return pd.DataFrame(rows, columns=["arm", "trials", "trial", "seconds", "charged"])


def _bills(results: Analysis, role: str) -> dict[str, dict[tuple[int, int], list[Bill]]]:
    """Each arm's runs of one role, by trial and seed in that order, with their bills."""
    rows = results.ledger.reindex(columns=[*RUN, "phase", "what", "seconds"])
    found: dict[str, dict[tuple[int, int], list[Bill]]] = {}
    ours = rows[rows["role"] == role].sort_values(["trial", "seed"], kind="stable")
    for row in ours.itertuples():
        run = found.setdefault(row.arm, {}).setdefault((row.trial, row.seed), [])
        run.append(Bill(row.phase, row.what, row.seconds))
    return found
