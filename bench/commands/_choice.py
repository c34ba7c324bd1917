"""Finds the run of a study that a command means."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.errors import InputError, did_you_mean
from bench.results import read_summary
from bench.storage.records import RunFolder


def choose_run(
    folder: Path, arm: str, trial: int | None, seed: int | None, share: float = 1.0
) -> tuple[pd.Series, RunFolder]:
    """(row of the summary, folder) of the finished run with that arm, trial and seed.

    If trial or seed leave a choice, the run that is best on dev-select is taken, the earliest of
    equal ones; without both, among final runs. Test measures play no part.

    Args:
        share: of the train queries that the run was given.

    Raises:
        InputError: there is no such run, or it is not finished.
    """
    summary = read_summary(folder)
    trained = summary[(summary["role"] != "reference") & (summary["train_share"] == share)]
    runs = trained[trained["arm"] == arm]
    if runs.empty:
        raise InputError(
            f"{folder}: no arm is named {arm!r}{did_you_mean(arm, trained['arm'].unique())}"
        )
    if trial is None and seed is None:
        runs = runs[runs["role"] == "final"]
    if trial is not None:
        runs = runs[runs["trial"] == trial]
    if seed is not None:
        runs = runs[runs["seed"] == seed]
    done = runs[runs["status"] == "done"]
    if done.empty:
        given = [("trial", trial), ("seed", seed)]
        which = " and ".join(f"{name} {value}" for name, value in given if value is not None)
        finished = trained.loc[(trained["arm"] == arm) & (trained["status"] == "done")]
        known = ", ".join(f"{run.trial} with seed {run.seed}" for run in finished.itertuples())
        raise InputError(
            f"{folder}: no finished run of {arm!r}{f' has {which}' if which else ''}; "
            f"finished are trial {known or '(none)'}"
        )
    folders = [RunFolder(folder / "runs" / id) for id in done["run"]]
    values = [run_folder.record()["select"] for run_folder in folders]
    best = values.index(max(values))
    return done.iloc[best], folders[best]
