"""Short unique labels of several studies, and texts and tables with these labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.errors import InputError
from reports.analysis.base import Analysis
from reports.analysis.selectors import collection_name
from reports.formatting import plain


def label_studies(studies: Sequence[Analysis]) -> dict[str, Analysis]:
    """The studies by unique labels: their names, or their collections where names are the same, or
    their folders below the one that has them all.

    Raises:
        InputError: a folder was given twice.
    """
    folders = [results.folder.resolve() for results in studies]
    for folder, times in Counter(folders).items():
        if times > 1:
            raise InputError(f"{folder}: given twice; a study is not compared with itself")
    labels = next(filter(_are_unique, _schemes(studies, folders)))
    return dict(zip(labels, studies, strict=True))


def _schemes(studies: Sequence[Analysis], folders: Sequence[Path]) -> list[list[str]]:
    shared = os.path.commonpath([folder.parent for folder in folders])
    return [
        [plain(results.study.name) for results in studies],
        [plain(collection_name(results.study)) for results in studies],
        [plain(folder.relative_to(shared).as_posix()) for folder in folders],
        [f"study {number}" for number in range(1, len(studies) + 1)],
    ]


def _are_unique(labels: Sequence[str]) -> bool:
    return all(labels) and len(set(labels)) == len(labels)


def values_text(values: Mapping[str, str]) -> str:
    """The studies' values as text, equal ones together: ``320 (a, b); 1,120 (c)``."""
    whose: dict[str, list[str]] = {}
    for label, value in values.items():
        whose.setdefault(value, []).append(label)
    if len(whose) == 1:
        return next(iter(whose))
    return "; ".join(f"{value} ({', '.join(labels)})" for value, labels in whose.items())


def stack_tables(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One table below the other, with the study's label as the first column."""
    known = [table.assign(study=label) for label, table in tables.items()]
    table = pd.concat([table for table in known if len(table)] or known[:1], ignore_index=True)
    return table[["study", *table.columns.drop("study")]]
