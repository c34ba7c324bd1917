"""Where an arm's seconds went: the ledger, summed by phase and by artifact."""

from __future__ import annotations

import pandas as pd

from bench.results import Results
from reports.reading import RUN, arms

PHASES = {
    "prepare": "artifacts, each once",
    "read": "reading artifacts",
    "train": "training",
    "evaluate": "dev evaluations",
    "test": "test",
    "start": "starting",
    "save": "saving",
    "wasted": "lost to kills",
}
"""The phases of final runs, in the order of the table."""

_ARTIFACT = ["arm", "what", "seconds", "texts", "tokens", "device", "reused"]


def phase_costs(results: Results) -> pd.DataFrame:
    """Seconds of an arm by phase: a final run's mean, artifacts once, and all tuning trials."""
    bills = results.ledger.reindex(columns=[*RUN, "phase", "what", "seconds"])
    final = bills[bills["role"] == "final"]
    runs = final.groupby("arm")["seed"].nunique()
    table = final.pivot_table(index="arm", columns="phase", values="seconds", aggfunc="sum")
    table = table.div(runs, axis="index")
    table["prepare"] = artifact_costs(results).groupby("arm")["seconds"].sum()
    trials = bills[(bills["role"] == "tuning") & bills["phase"].isin(["train", "evaluate"])]
    table["tuning"] = trials.groupby("arm")["seconds"].sum()
    return (
        table.reindex(index=arms(results), columns=[*PHASES, "tuning"])
        .fillna(0.0)
        .rename_axis(index="arm", columns=None)
        .reset_index()
    )


def artifact_costs(results: Results) -> pd.DataFrame:
    """Every artifact of an arm's final runs once, at what making it cost whoever made it."""
    bills = results.ledger.reindex(columns=[*RUN, "phase", *_ARTIFACT[1:]])
    rows = bills[(bills["role"] == "final") & (bills["phase"] == "prepare")]
    return rows.drop_duplicates(["arm", "what"])[_ARTIFACT].reset_index(drop=True)
