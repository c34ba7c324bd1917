"""What the records of a study say that its tables do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench.registry import parse_entry
from bench.spaces import Choice, Float, Space
from bench.storage.databases import read_distributions
from bench.storage.records import RunFolder


def former_runs(folder: Path, summary: pd.DataFrame) -> list[str]:
    """Ids of the runs beside those of the summary that have measured test, reference rows aside."""
    known, found = set(summary["run"]), []
    for path in sorted((folder / "runs").glob("*")):
        run = RunFolder(path)
        if run.id not in known and run.status() == "done":
            specification = run.record()["specification"]
            if "loss" in specification and specification["tests"]:
                found.append(run.id)
    return found


def collection_notes(folder: Path, summary: pd.DataFrame) -> list[str]:
    """What the records of reference rows and final runs with all train queries note, each once."""
    measured = (summary["role"] != "tuning") & (summary["train_share"] == 1)
    runs = [RunFolder(folder / "runs" / str(id)) for id in summary.loc[measured, "run"]]
    records = [run.record() for run in runs if run.status() == "done"]
    return list(dict.fromkeys(note for one in records for note in one["collection"]["notes"]))


def loss_defaults(folder: Path, summary: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Options that are in a final run's specification and not in what is written of its loss."""
    found: dict[str, dict[str, Any]] = {}
    ended = summary[(summary["role"] == "final") & (summary["status"] == "done")]
    for run, written in ended[["run", "loss"]].itertuples(index=False):
        record = RunFolder(folder / "runs" / run)
        if record.status() != "done":
            continue
        loss = record.record()["specification"]["loss"]
        _, given = parse_entry(written)
        unset = {key: value for key, value in loss["options"].items() if key not in given}
        found.setdefault(loss["name"], {}).update(unset)
    return found


def tuned_spaces(folder: Path) -> dict[str, dict[str, Space]]:
    """By the newest trial that drew the parameter; Optuna's studies are named ``ARM [HASH]``."""
    found: dict[str, dict[str, Space]] = {}
    for study, parameter, written in read_distributions(folder / "optuna.db"):
        attributes = written["attributes"]
        choices = attributes.get("choices")
        space = Float(**attributes) if choices is None else Choice(tuple(choices))
        found.setdefault(study.rpartition(" [")[0], {})[parameter] = space
    return found
