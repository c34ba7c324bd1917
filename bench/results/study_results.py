"""What a study left behind, as tables: for reports and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.results.columns import RUN_LABELS
from bench.results.readers import read_study, read_summary, read_table, refuse_incomplete
from bench.results.record_details import collection_notes, former_runs, loss_defaults, tuned_spaces
from bench.spaces import Space
from bench.storage.caveats import Caveats
from bench.storage.records import RunFolder
from bench.study.schema import Study


@dataclass(frozen=True)
class Results:
    """A study's tables.

    Attributes:
        study: as it was last run.
        summary: a row a run; an arm's measures are those of its best point.
        curves: a row an evaluation point: measures on dev-curve by their names, on dev-select
            behind ``dev-select``, and means of the steps' diagnostics since the point before.
        ledger: a row a bill.
        dev: a row a dev-curve query of a final or reference run at an evaluation point: the same
            labels, point, query, measures.
        queries: a row a test query of a run: run, arm, role, trial, seed, part, query, measures.
        former: ids of runs in the folder that measured test and are no part of the study as it is
            now: whoever changed it since had seen what they gave.
        subsets: the same of the runs that were given a share of the train queries, by the share;
            all that stands above is of those that were given all of them.
        caveats: what its design and its data give to know before numbers are compared.
        chosen_by: the measure by which dev-select chose, where that is not the study's primary one.
        notes: what the runs' collections have about them: left out, carved, ….
        loss_defaults: of each loss by name, the options that its runs did not set, by their
            records; nothing of a study whose records are not there.
        tuned_spaces: of each arm, the spaces that Optuna drew from, by its file in the folder.
    """

    folder: Path
    study: Study
    summary: pd.DataFrame
    curves: pd.DataFrame
    ledger: pd.DataFrame
    queries: pd.DataFrame
    dev: pd.DataFrame = field(default_factory=pd.DataFrame)
    former: Sequence[str] = ()
    subsets: Mapping[float, Results] = field(default_factory=dict)
    chosen_by: str = ""
    caveats: Caveats = field(default_factory=Caveats)
    notes: Sequence[str] = ()
    loss_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tuned_spaces: Mapping[str, Mapping[str, Space]] = field(default_factory=dict)


def load_results(folder: str | Path) -> Results:
    """The results of a study folder.

    Raises:
        InputError: it is no such folder, or nothing has been finished in it yet.
    """
    folder = Path(folder)
    summary = read_summary(folder)
    curves, ledger = read_table(folder / "curves.csv"), read_table(folder / "ledger.csv")
    refuse_incomplete(folder, summary, curves=curves, ledger=ledger)
    everything = Results(
        folder=folder,
        study=read_study(folder),
        summary=summary,
        curves=curves,
        ledger=ledger,
        queries=_per_query(folder, summary, "queries"),
        dev=_per_query(folder, summary, "dev"),
        former=former_runs(folder, summary),
        caveats=Caveats.read(folder),
        notes=collection_notes(folder, summary),
        loss_defaults=loss_defaults(folder, summary),
        tuned_spaces=tuned_spaces(folder),
    )
    shares = everything.study.train_shares[:-1]
    subsets = {share: _given(everything, share) for share in shares}
    return replace(_given(everything, 1.0), subsets=subsets)


def _per_query(folder: Path, summary: pd.DataFrame, name: str) -> pd.DataFrame:
    """One table of every final and reference run, with what tells the runs apart."""
    keys = ["run", *RUN_LABELS, "train_share"]
    runs = summary.loc[(summary["role"] != "tuning") & (summary["status"] == "done"), keys]
    records = [RunFolder(folder / "runs" / str(run)) for run in runs["run"]]
    there = [(record.path / f"{name}.parquet").exists() for record in records]
    tables = [record.table(name) for record, found in zip(records, there, strict=True) if found]
    if not tables:
        return pd.DataFrame(columns=keys)
    labels = runs[there].loc[runs[there].index.repeat(list(map(len, tables)))]
    values = pd.concat(tables, ignore_index=True)
    return pd.concat([labels.reset_index(drop=True), values], axis="columns")


def _given(results: Results, share: float) -> Results:
    """The rows of runs that were given this share of the train queries."""
    return replace(
        results,
        **{
            name: rows[rows["train_share"] == share].reset_index(drop=True)
            for name in ("summary", "curves", "ledger", "queries", "dev")
            if "train_share" in (rows := getattr(results, name))
        },
    )
