"""The records themselves as tables: every run, every bill, every environment."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.storage.clocks import ARTIFACT_PHASES, CLOCKS, TRIAL_PHASES, clocks_with
from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.data_fraction import by_share
from reports.analysis.selectors import measure_columns
from reports.formatting import Row, plain
from reports.page.links import Link, Links
from reports.tables.base import Cell, Table, groups, text

ROLES = ("final", "tuning", "reference")


def folder_of(results: Analysis) -> str:
    """The study's folder, as commands name it: a page says nothing of the machine it is made on."""
    return f"results/{results.study.name}"


def runs_table(results: Analysis, links: Links) -> Table:
    """A row a run, with the command that trains it again."""
    table, shared = _of_all_shares(results, "summary"), bool(results.subsets)
    primary = measure_columns(results.study)[0]

    def cells(row: Row) -> list[Cell]:
        role = str(row["role"])
        numbers = [str(row[key]) if role != "reference" else "" for key in ("trial", "seed")]
        share = [formatting.percent(row["train_share"])] if shared else []
        clocks = [formatting.seconds(row[key]) for key in ("train_seconds", "cold_seconds")]
        texts = (
            role,
            *share,
            *numbers,
            str(row["status"]),
            formatting.measure(row[primary]),
            *clocks,
        )
        run = Link(plain(row["run"]), href=links.runs.get(str(row["run"]), ""))
        again = replay(results, row) if role != "reference" and row["status"] == "done" else ""
        return [Cell(plain(row["arm"])), *map(Cell, texts), run, Cell(again or formatting.NOTHING)]

    return Table(
        name="runs",
        title=f"All {len(table):,} runs" if len(table) > 1 else "One run",
        note=(
            f"{plain(primary)} is measured by final runs and references only. Seconds as charged: "
            "cold is training and every artifact the run needs. The command trains exactly that "
            "run; the error of a failed one stands above, before you read on."
        ),
        header=[
            *("arm", "role", *(["% of queries"] if shared else []), "trial", "seed", "status"),
            *(plain(primary), "train s", "cold s", "run", "again"),
        ],
        align="ll" + "r" * (3 if shared else 2) + "lrrrcc",
        groups=[[cells(row) for row in table.to_dict("records")]],
        data=table,
    )


def replay(results: Analysis, row: Row) -> str:
    """The command that trains a run again."""
    options = [] if row["train_share"] == 1 else [f"--train-share={row['train_share']:.17g}"]
    arm = str(row["arm"])
    options += ["--"] if arm.startswith("-") else []
    numbers = (str(row["trial"]), str(row["seed"]))
    return shlex.join(["bench", "replay", *options, folder_of(results), arm, *numbers])


def bills_table(results: Analysis) -> Table:
    """Every bill, summed over the runs of an arm that have the same."""
    ledger, shared = _of_all_shares(results, "ledger"), bool(results.subsets)
    keys = ["arm", "role", *(["train_share"] if shared else []), "phase", "what", "device"]
    ledger = ledger.reindex(columns=[*keys, "seconds", "texts", "tokens", "reused"])
    table = (
        ledger.groupby(keys, sort=False, dropna=False)
        .agg(
            bills=("seconds", "size"),
            reused=("reused", "sum"),
            mean=("seconds", "mean"),
            seconds=("seconds", "sum"),
            texts=("texts", "sum"),
            tokens=("tokens", "sum"),
        )
        .reset_index()
    )

    def cells(row: Row) -> list[Cell]:
        share = [formatting.percent(row["train_share"])] if shared else []
        words = (
            row["role"],
            *share,
            row["phase"],
            plain(row["what"]),
            text(row["device"]),
            _charged(row),
        )
        counts = [formatting.count(row[key]) for key in ("bills", "reused")]
        sums = [formatting.seconds(row[key]) for key in ("mean", "seconds")]
        amounts = [formatting.count(row[key]) for key in ("texts", "tokens")]
        return [Cell(plain(row["arm"])), *map(Cell, (*words, *counts, *sums, *amounts))]

    return Table(
        name="ledger",
        title="Ledger: who is charged for what",
        note=(
            "Every bill of the study, those that are alike in one row: how many runs have it, how "
            "many of them found it made already, seconds of one and of all together, texts and "
            "tokens of all together. A run is charged for an artifact that it needs whether it was "
            "there or not, but an arm's trials for one only once, and not if the run is charged "
            "for it itself: what is charged is less than the sum of these rows. charged in: the "
            "clocks of a run in which the bill stands; nobody: it stands in none."
        ),
        header=[
            *("arm", "role", *(["% of queries"] if shared else []), "phase", "of", "device"),
            *("charged in", "bills", "reused", "s each", "s in all", "texts", "tokens"),
        ],
        align="ll" + ("r" if shared else "") + "llllrrrrrr",
        groups=groups(table, cells, by="arm"),
        data=table,
    )


def _charged(row: Row) -> str:
    """The clocks of its arm that charge a bill, in words."""
    phase, names = row["phase"], []
    if row["role"] == "final":
        names = clocks_with(phase)
    elif row["role"] == "tuning" and phase in (*ARTIFACT_PHASES, *TRIAL_PHASES):
        names = [name for name, clock in CLOCKS.items() if clock.trials]
    others = [name for name in CLOCKS if name not in names]
    if len(others) > 1:
        return ", ".join(names) or "nobody"
    return "all clocks" + "".join(f" but {name}" for name in others)


def environments_table(results: Analysis) -> Table:
    """Every environment in which runs were done, and how many."""
    runs = _of_all_shares(results, "summary").dropna(subset="environment")
    counts = runs.groupby("environment", sort=False)["role"].value_counts().unstack(fill_value=0)
    parts = [dict(_parts(environment)) for environment in counts.index]
    names = list(dict.fromkeys(name for part in parts for name in part))
    rows = [
        [
            Cell(", ".join(f"{own[role]} {role}" for role in ROLES if own.get(role))),
            *(Cell(plain(part.get(name, formatting.NOTHING))) for name in names),
        ]
        for part, own in zip(parts, counts.to_dict("records"), strict=True)
    ]
    return Table(
        name="environments",
        title="Where it was run",
        note="A row an environment, and how many runs of each role were done in it.",
        header=["runs", *names],
        align="l" * (1 + len(names)),
        groups=[rows],
        data=counts.reset_index(),
    )


def _parts(environment: str) -> Iterator[tuple[str, str]]:
    """Names and what they are: ``device cpu × 2, threads 2, …``."""
    for part in environment.split(", "):
        name, _, value = part.partition(" ")
        yield name, value


def unpriced(results: Analysis) -> list[str]:
    """What was taken ready-made, and by whom: ``the training of X (ARM, ARM)``."""
    rows = _of_all_shares(results, "summary").reindex(columns=["arm", "role", "unpriced"])
    ours = rows[rows["role"] != "reference"].dropna(subset="unpriced")
    return [
        f"{plain(what)} ({', '.join(map(formatting.named, own['arm'].unique()))})"
        for what, own in ours.groupby("unpriced", sort=False)
    ]


def _of_all_shares(results: Analysis, name: str) -> pd.DataFrame:
    """A table of runs on every share of the train queries, one below the other."""
    tables: list[Any] = [
        getattr(there, name).assign(train_share=share) for share, there in by_share(results).items()
    ]
    return pd.concat(tables, ignore_index=True)
