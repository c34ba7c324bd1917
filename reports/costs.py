"""Where an arm's seconds went: the ledger, summed by phase and by artifact."""

from __future__ import annotations

import pandas as pd

from bench.results import Results
from reports.reading import RUN, arms

PHASES = {
    "prepare": "artifacts, each once",
    "score": "scoring drawn pairs",
    "read": "reading artifacts",
    "train": "training",
    "mine": "mining by the student",
    "evaluate": "dev evaluations",
    "test": "test",
    "start": "starting",
    "save": "saving",
    "wasted": "lost to kills",
}
"""The phases of final runs, in the order of the table."""

TRIAL = ["train", "mine", "evaluate"]
"""What a trial does itself."""

_ARTIFACT = ["arm", "what", "phase", "seconds", "texts", "tokens", "flops", "device", "reused"]


def phase_costs(results: Results) -> pd.DataFrame:
    """Seconds of an arm by phase: a final run's mean, artifacts once, and all tuning trials."""
    bills = results.ledger.reindex(columns=[*RUN, "phase", "what", "seconds"])
    final = bills[bills["role"] == "final"]
    runs = final.groupby("arm")["seed"].nunique()
    table = final.pivot_table(index="arm", columns="phase", values="seconds", aggfunc="sum")
    table = table.div(runs, axis="index")
    artifacts = artifact_costs(results)
    table["prepare"] = artifacts[artifacts["phase"] == "prepare"].groupby("arm")["seconds"].sum()
    trials = bills[(bills["role"] == "tuning") & bills["phase"].isin(TRIAL)]
    table["tuning"] = trials.groupby("arm")["seconds"].sum()
    return (
        table.reindex(index=arms(results), columns=[*PHASES, "tuning"])
        .fillna(0.0)
        .rename_axis(index="arm", columns=None)
        .reset_index()
    )


def artifact_costs(results: Results) -> pd.DataFrame:
    """Every artifact of an arm's final runs once, at what making it cost whoever made it."""
    bills = results.ledger.reindex(columns=[*RUN, *_ARTIFACT[1:]])
    rows = bills[(bills["role"] == "final") & bills["phase"].isin(["prepare", "score"])]
    return rows.drop_duplicates(["arm", "what"])[_ARTIFACT].reset_index(drop=True)


def per_example_seconds(results: Results) -> pd.Series:
    """Of each final run, what is due as its examples are consumed: indexed by arm, role, …."""
    bills = results.ledger.reindex(columns=[*RUN, "phase", "seconds"])
    rows = bills[(bills["role"] == "final") & bills["phase"].isin(["score", "mine"])]
    return rows.groupby(RUN)["seconds"].sum()
