"""A study's tables read from its folder, and refused where they are damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from bench.errors import InputError
from bench.results.columns import FIRST, RUN_LABELS, TEXTS
from bench.storage.records import FINISHED, RunFolder
from bench.study.file import load_study
from bench.study.schema import Study


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


def read_table(path: Path) -> pd.DataFrame:
    """A table of ours; an arm may be named NA or 0.5, only an empty field is missing."""
    names = dict.fromkeys(TEXTS, str)
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


def refuse_incomplete(folder: Path, summary: pd.DataFrame, **tables: pd.DataFrame) -> None:
    """Raises InputError where a table lacks a finished run: that would change, unseen, what is
    concluded.

    Args:
        tables: by the names of their files.
    """
    done = summary[(summary["status"] == "done") & (summary["role"] != "reference")]
    runs = set(done[list(RUN_LABELS)].itertuples(index=False, name=None))
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        _refuse_without(path, table, RUN_LABELS)
        known = set(table[list(RUN_LABELS)].itertuples(index=False, name=None))
        if missing := sorted(runs - known):
            arm, role, trial, seed = missing[0]
            raise _damaged(path, f"nothing is in it of {arm} ({role} {trial}, seed {seed})")
        _refuse_half_row(path)


def _refuse_without(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in table]:
        raise _damaged(path, f"there is no column {missing[0]!r}")


def _refuse_cut_off(folder: Path, summary: pd.DataFrame) -> None:
    _refuse_without(folder / "summary.csv", summary, [*FIRST, "run"])
    if summary["run"].isna().any():
        raise _damaged(folder / "summary.csv", "a row of it is cut off")
    _refuse_half_row(folder / "summary.csv")
    if summary.empty:
        raise InputError(f"{folder}: nothing is finished here yet; `bench run` goes on with it")
