"""The rows of a study that reports speak of: its arms, its runs, their curves."""

from __future__ import annotations

import pandas as pd

from bench.registry import format_entry
from bench.storage.clocks import CLOCKS
from bench.study.schema import Study
from reports.analysis.base import Analysis, cached

RUN = ["arm", "role", "trial", "seed"]
"""What tells one row of the tables from another."""


def arms(results: Analysis) -> list[str]:
    """The arms in the order of the study; reference rows are none."""
    summary = results.summary
    return list(summary.loc[summary["role"] != "reference", "arm"].unique())


def final_runs(results: Analysis, status: str = "done") -> pd.DataFrame:
    """Rows of the summary: runs with the chosen options, one a seed."""
    summary = results.summary
    return summary[(summary["role"] == "final") & (summary["status"] == status)]


def tuned_arms(results: Analysis) -> list[str]:
    """The arms that have tuning trials; where nuisance parameters are fixed, some have none."""
    summary = results.summary
    return list(summary.loc[summary["role"] == "tuning", "arm"].unique())


def charged_clocks(results: Analysis) -> list[str]:
    """The clocks that have something to show: those with trials only where there are some."""
    tuned = bool(tuned_arms(results))
    return [name for name, clock in CLOCKS.items() if tuned or not clock.trials]


def references(results: Analysis) -> pd.DataFrame:
    """Rows of the summary: what was measured and not trained."""
    return results.summary[results.summary["role"] == "reference"]


def curves(results: Analysis, role: str) -> pd.DataFrame:
    """Rows of the curves of one role, as far as reports need them: the primary measure alone."""
    columns = [*RUN, "point", "examples", "train_seconds", results.study.primary]
    rows = results.curves
    return rows[rows["role"] == role].reindex(columns=columns).reset_index(drop=True)


def collection_name(study: Study) -> str:
    """The study's collection on one line, as ``name(option=value)``."""
    written = study.collection
    if isinstance(written, str):
        return written
    options = {key: value for key, value in written.items() if key != "name"}
    return format_entry(str(written.get("name", "")), options)


def selection(results: Analysis) -> str:
    """The column of the curves by which points, options and students are chosen."""
    return f"dev-select {results.chosen_by or results.study.primary}"


@cached
def best_on_select(results: Analysis) -> pd.DataFrame:
    """Of each run its best value on dev-select, which is what it was chosen by: RUN and value."""
    chosen_by = selection(results)
    rows = results.curves.reindex(columns=[*RUN, chosen_by])
    best = rows.groupby(RUN, sort=False)[chosen_by].max()
    return best.rename("value").reset_index()


@cached
def tested_points(results: Analysis) -> pd.DataFrame:
    """Of each run the point it was tested at: the best on dev-select, ties to the earliest."""
    chosen_by = selection(results)
    rows = results.curves.reindex(columns=[*RUN, chosen_by, results.study.primary])
    rows = rows.dropna(subset=chosen_by)
    return rows.loc[rows.groupby(RUN, sort=False)[chosen_by].idxmax()]


def measure_columns(study: Study) -> list[str]:
    """The summary's test measures, the primary one first among those of its part."""
    measures = sorted(study.measures, key=lambda name: name != study.primary)
    return [
        name if part == "test" else f"{name} ({part})" for part in study.tested for name in measures
    ]


def option_columns(summary: pd.DataFrame) -> list[str]:
    """The options that a search space of the study varies: they stand behind the status."""
    columns = list(summary.columns)
    return columns[columns.index("status") + 1 : columns.index("examples")]
