"""What choosing an arm's options cost, trial by trial, and what came of it."""

from __future__ import annotations

import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.costs import tuning_costs
from reports.analysis.selectors import arms, best_on_select


def tuning_steps(results: Analysis) -> pd.DataFrame:
    """A row a trial that has a bill, in the order of the trials.

    Columns: arm, trial; trials, seconds and charged after it (`costs.tuning_costs`); value,
    its own on dev-select (one pruned or failed has none); best, the highest so far.
    """
    values = best_on_select(results)
    values = values.loc[values["role"] == "tuning", ["arm", "trial", "value"]]
    steps = tuning_costs(results).query("trials > 0").merge(values, on=["arm", "trial"], how="left")
    steps["best"] = steps.groupby("arm")["value"].cummax().groupby(steps["arm"]).ffill()
    return steps


def tuning_table(results: Analysis) -> pd.DataFrame:
    """A row an arm, in the order of the study.

    Columns: arm; trials, and how many of them are done, pruned, failed; seconds of tuning, and of
    one trial; charged (the tuned seconds of a run); share of tuning in that; best on dev-select.
    """
    tried = results.summary[results.summary["role"] == "tuning"]
    states = ["done", "pruned", "failed"]
    counts = pd.crosstab(tried["arm"], tried["status"])
    table = tuning_costs(results).groupby("arm").last().join(counts.reindex(columns=states))
    table = table.reindex(arms(results))
    table[states] = table[states].fillna(0).astype(int)
    table["seconds a trial"] = table["seconds"] / table["trials"].where(table["trials"] > 0)
    table["trials"] = table[states].sum(axis="columns")
    table["share"] = table["seconds"] / table["charged"]
    table["best"] = tuning_steps(results).groupby("arm")["value"].max()
    first = ["trials", *states, "seconds", "seconds a trial", "charged", "share", "best"]
    return table[first].rename_axis("arm").reset_index()
