"""What a study left behind, as tables: for reports and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from bench.errors import InputError
from bench.registry import parse_entry
from bench.spaces import Choice, Float, Space
from bench.storage.caveats import Caveats
from bench.storage.databases import read_distributions
from bench.storage.files import write_text
from bench.storage.ledger import Bill, cold_seconds, total, tuning_seconds, warm_seconds
from bench.storage.records import FINISHED, Role, RunFolder
from bench.study.file import load_study
from bench.study.schema import Study

CLOCKS = ("train_seconds", "cold_seconds", "warm_seconds", "tuned_seconds")
SPEEDS = ("query_seconds", "document_seconds")
PACE = ("reference_step_start", "reference_step_end")
TENTHS = ("first_tenth", "last_tenth")
"""Columns of the seconds of a step within the first and the last tenth of the budget."""

TIMED = (*CLOCKS, *SPEEDS, *PACE, *TENTHS, "peak_memory")
"""Columns of seconds, and bytes: what differs between two otherwise equal runs."""

ERRORS = ("query_error", "document_error")
"""Columns of how far a student's vectors are from its teacher's."""

LABELS = ("train_queries", "labels")
"""Columns of how many of each a run has used up, its teachers' fine-tuning included."""

SIZES = (
    "parameters",
    "trained_parameters",
    "query_parameters",
    "embedding_parameters",
    "query_flops",
    "document_flops",
)
"""Columns of what serving a student takes (`bench.evaluation.footprint.Footprint`)."""


@dataclass(frozen=True)
class Row:
    """One run of a study: which arm and role it plays, and where its record is.

    Attributes:
        entries: loss, teacher, student and sampler as tables name them.
        options: the values of everything that a search space of the study varies.
        trial: the proposal it belongs to; -1 for reference runs.
        retains: the reference row of the teacher that its quality is divided by; empty for none.
        train_share: of the train queries that it was given.
    """

    arm: str
    role: Role
    trial: int
    seed: int
    folder: RunFolder
    entries: Mapping[str, str]
    options: Mapping[str, Any]
    retains: str = ""
    train_share: float = 1.0


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
    everything = Results(
        folder=folder,
        study=read_study(folder),
        summary=summary,
        curves=read_table(folder / "curves.csv"),
        ledger=read_table(folder / "ledger.csv"),
        queries=_per_query(folder, summary, "queries"),
        dev=_per_query(folder, summary, "dev"),
        former=_former(folder, summary),
        caveats=Caveats.read(folder),
        notes=_notes(folder, summary),
        loss_defaults=_loss_defaults(folder, summary),
        tuned_spaces=_tuned_spaces(folder),
    )
    _refuse_incomplete(everything)
    shares = everything.study.train_shares[:-1]
    subsets = {share: _given(everything, share) for share in shares}
    return replace(_given(everything, 1.0), subsets=subsets)


def _former(folder: Path, summary: pd.DataFrame) -> list[str]:
    """Runs beside those of the summary that have measured test, reference rows aside."""
    known, found = set(summary["run"]), []
    for path in sorted((folder / "runs").glob("*")):
        run = RunFolder(path)
        if run.id not in known and run.status() == "done":
            specification = run.record()["specification"]
            if "loss" in specification and specification["tests"]:
                found.append(run.id)
    return found


def _notes(folder: Path, summary: pd.DataFrame) -> list[str]:
    """What the records of reference rows and final runs with all train queries note, each once."""
    measured = (summary["role"] != "tuning") & (summary["train_share"] == 1)
    runs = [RunFolder(folder / "runs" / str(id)) for id in summary.loc[measured, "run"]]
    records = [run.record() for run in runs if run.status() == "done"]
    return list(dict.fromkeys(note for one in records for note in one["collection"]["notes"]))


def _loss_defaults(folder: Path, summary: pd.DataFrame) -> dict[str, dict[str, Any]]:
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


def _tuned_spaces(folder: Path) -> dict[str, dict[str, Space]]:
    """By the newest trial that drew the parameter; Optuna's studies are named ``ARM [HASH]``."""
    found: dict[str, dict[str, Space]] = {}
    for study, parameter, written in read_distributions(folder / "optuna.db"):
        attributes = written["attributes"]
        choices = attributes.get("choices")
        space = Float(**attributes) if choices is None else Choice(tuple(choices))
        found.setdefault(study.rpartition(" [")[0], {})[parameter] = space
    return found


def _per_query(folder: Path, summary: pd.DataFrame, name: str) -> pd.DataFrame:
    """One table of every final and reference run, with what tells the runs apart."""
    keys = ["run", *_LABELS, "train_share"]
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


def read_summary(folder: Path) -> pd.DataFrame:
    """summary.csv of a study folder.

    Raises:
        InputError: it is no such folder, nothing has been finished in it yet, or it is damaged.
    """
    if not (folder / "study.toml").is_file():
        raise InputError(f"{folder}: no results here (there is no study.toml)")
    if not (folder / "summary.csv").is_file():
        raise InputError(f"{folder}: nothing is finished here yet; `bench run` goes on with it")
    summary = read_table(folder / "summary.csv")
    if "train_share" not in summary:  # of a version before there were shares
        summary["train_share"] = 1.0
    _refuse_cut_off(folder, summary)
    return summary


def read_study(folder: Path) -> Study:
    """study.toml of a study folder.

    Raises:
        InputError: it is damaged, or of a later version.
    """
    try:
        return load_study(str(folder / "study.toml"))
    except InputError as error:
        raise InputError(f"{error}; `bench run` with --out {folder} writes it again") from None


def lost_records(folder: Path, summary: pd.DataFrame) -> str:
    """A sentence on finished runs of the summary that have no record; empty where all have one.

    Raises:
        InputError: a record is damaged.
    """
    ended = summary.loc[summary["status"].isin(FINISHED), "run"].unique()
    lost = [run for run in ended if RunFolder(folder / "runs" / run).status() not in FINISHED]
    if not lost:
        return ""
    return (
        f"{folder / 'runs'}: {len(lost)} of the {len(ended)} finished runs in summary.csv have no "
        f"record (first: {lost[0]}); `bench run` makes them again"
    )


def _refuse_without(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in table]:
        raise _damaged(path, f"there is no column {missing[0]!r}")


def _refuse_cut_off(folder: Path, summary: pd.DataFrame) -> None:
    _refuse_without(folder / "summary.csv", summary, [*_FIRST, "run"])
    if summary["run"].isna().any():
        raise _damaged(folder / "summary.csv", "a row of it is cut off")
    _refuse_half_row(folder / "summary.csv")
    if summary.empty:
        raise InputError(f"{folder}: nothing is finished here yet; `bench run` goes on with it")


def _refuse_incomplete(results: Results) -> None:
    """A table without rows of a run that is done would change what is concluded, unseen."""
    summary = results.summary
    done = summary[(summary["status"] == "done") & (summary["role"] != "reference")]
    runs = set(done[list(_LABELS)].itertuples(index=False, name=None))
    for name, table in (("curves", results.curves), ("ledger", results.ledger)):
        path = results.folder / f"{name}.csv"
        _refuse_without(path, table, _LABELS)
        known = set(table[list(_LABELS)].itertuples(index=False, name=None))
        if missing := sorted(runs - known):
            arm, role, trial, seed = missing[0]
            raise _damaged(path, f"nothing is in it of {arm} ({role} {trial}, seed {seed})")
        _refuse_half_row(path)


def read_table(path: Path) -> pd.DataFrame:
    """A table of ours; an arm may be named NA or 0.5, only an empty field is missing."""
    names = dict.fromkeys(_NAMES, str)
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)
    except (OSError, ValueError, ParserError, EmptyDataError) as error:
        raise _damaged(path, str(error)) from None


def _refuse_half_row(path: Path) -> None:
    if not path.read_bytes().endswith(b"\n"):
        raise _damaged(path, "its last row is cut off")


def _damaged(path: Path, what: str) -> InputError:
    first_line = (what.strip() or "it is empty").splitlines()[0]
    return InputError(
        f"{path} cannot be read: {first_line}; `bench run` makes it again from the records"
    )


def write_tables(out: Path, study: Study, rows: Sequence[Row]) -> None:
    """summary.csv, curves.csv and ledger.csv from the run records, in the order of ``rows``."""
    known = {row.folder.id: row.folder.status() for row in rows}
    # A failed trial is paid for by its arm; a failed final run is in nobody's mean.
    paid = {"tuning": ("done", "pruned", "failed")}
    bills = {
        row.folder.id: row.folder.bills()
        for row in rows
        if known[row.folder.id] in paid.get(row.role, ("done", "pruned"))
    }
    summary = [_summary_row(study, row, rows, bills) for row in rows]
    options = list(dict.fromkeys(key for row in rows for key in row.options))
    measures = [_test_column(name, part) for part in study.tested for name in study.measures]
    amounts = [*_COUNTS, *CLOCKS, *SIZES, *SPEEDS]
    columns = [*_FIRST, *options, *amounts, *measures, *_LAST]
    done = [row for row in rows if known[row.folder.id] == "done"]
    curves = [_labelled(row, row.folder.table("curve")) for row in done]
    _write(out / "curves.csv", _joined(curves))
    ledger = [
        _labelled(row, pd.DataFrame([bill.record() for bill in bills[row.folder.id]]))
        for row in rows
        if bills.get(row.folder.id)
    ]
    _write(out / "ledger.csv", _joined(ledger))
    # Last: whoever reads meanwhile finds the curve and the bills of every run that it names.
    _write(out / "summary.csv", pd.DataFrame(summary).reindex(columns=columns))


_FIRST = (
    "study",
    "arm",
    "role",
    "loss",
    "teacher",
    "student",
    "sampler",
    "trial",
    "seed",
    "status",
)
_COUNTS = ("examples", "steps")
_LAST = (
    "retention",
    "retention_of",
    "train_share",
    *LABELS,
    *ERRORS,
    *PACE,
    *TENTHS,
    "peak_memory",
    "best_point",
    "stopped",
    "unpriced",
    "environment",
    "run",
    "error",
)
_NAMES = ("study", "arm", "loss", "teacher", "student", "sampler", "retention_of", "run")
"""Columns of text that may look like numbers."""

_LABELS = ("arm", "role", "trial", "seed")


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One below the other, the share of the train queries last."""
    if not tables:
        return pd.DataFrame(columns=[*_LABELS, "train_share"])
    table = pd.concat(tables, ignore_index=True)
    return table[[*table.columns.drop("train_share"), "train_share"]]


def _labelled(row: Row, table: pd.DataFrame) -> pd.DataFrame:
    for at, key in enumerate(_LABELS):
        table.insert(at, key, getattr(row, key))
    return table.assign(train_share=row.train_share)


def _test_column(measure: str, part: str) -> str:
    return measure if part == "test" else f"{measure} ({part})"


def _summary_row(
    study: Study, row: Row, rows: Sequence[Row], bills: Mapping[str, list[Bill]]
) -> dict[str, Any]:
    status = row.folder.status()
    labels = {key: getattr(row, key) for key in (*_LABELS, "train_share")}
    values = {"study": study.name, **labels, **row.entries, **row.options, "status": status}
    values["run"] = row.folder.id
    if status == "failed":
        values["error"] = row.folder.record()["error"]
    if status not in ("done", "pruned"):
        return values
    record = row.folder.record()
    own = bills[row.folder.id]
    values |= {key: record[key] for key in (*_COUNTS, "best_point", "unpriced")}
    values["stopped"] = record.get("stopped")
    values |= {key: record.get(key) for key in (*LABELS, *SIZES, *SPEEDS)}
    pace, errors = record.get("reference_step") or {}, record.get("geometry") or {}
    values |= dict(zip(PACE, (pace.get("start"), pace.get("end")), strict=True))
    values |= dict(zip(TENTHS, _tenths(record.get("tenths") or []), strict=True))
    values["peak_memory"] = record.get("peak_memory")
    values |= dict(zip(ERRORS, (errors.get("queries"), errors.get("documents")), strict=True))
    values["environment"] = ", ".join(
        f"{name} {value}" for name, value in record["environment"].items()
    )
    values |= {
        "train_seconds": total(own, "train"),
        "cold_seconds": cold_seconds(own),
        "warm_seconds": warm_seconds(own),
    }
    if row.role == "final":
        trials = [
            bills[trial.folder.id]
            for trial in rows
            if (trial.arm, trial.role) == (row.arm, "tuning")
            and trial.train_share == row.train_share
            and trial.folder.id in bills
        ]
        values["tuned_seconds"] = values["cold_seconds"] + tuning_seconds(own, trials)
    if row.role != "tuning":
        queries = row.folder.table("queries")
        for part, measured in queries.groupby("part"):
            for name in study.measures:
                values[_test_column(name, str(part))] = measured[name].mean()
        values |= _retention(study, row, rows)
    return values


def _tenths(marks: Sequence[tuple[int, float]]) -> tuple[float | None, float | None]:
    """Seconds of a step before the first and after the last but one of (steps, seconds); unknown
    where tenths of the budget are a few steps, whose seconds are those of their texts."""
    if len(marks) < 2 or marks[0][0] < FEWEST_STEPS:
        return None, None
    (steps, seconds), (before, since), (after, until) = marks[0], *marks[-2:]
    return seconds / steps, (until - since) / (after - before) if after > before else None


FEWEST_STEPS = 5
"""Of a tenth whose seconds are told."""


def _retention(study: Study, row: Row, rows: Sequence[Row]) -> dict[str, Any]:
    """The primary measure as a share of the teacher's, on the same queries of the first test part.

    Where the teacher was not measured, or has found nothing, there is none.
    """
    teachers = [one for one in rows if one.role == "reference" and one.arm == row.retains]
    if not teachers or teachers[0].folder.status() != "done":
        return {}
    theirs = _first_test(study, teachers[0])
    share = _first_test(study, row) / theirs if theirs else None
    return {"retention": share, "retention_of": row.retains}


def _first_test(study: Study, row: Row) -> float:
    queries = row.folder.table("queries")
    return float(queries.loc[queries["part"] == study.test[0], study.primary].mean())


def _write(path: Path, table: pd.DataFrame) -> None:
    # repr of floats: what is read back is exactly what was written.
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
