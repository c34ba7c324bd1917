"""Ratios for the headline's target as figures and tables show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.selectors import charged_clocks
from reports.analysis.speed import speed_table, with_shown
from reports.analysis.targets import targets, to_target
from reports.formatting import Row, spanned


def headline_rows(results: Analysis, quantities: Sequence[str]) -> pd.DataFrame:
    """Rows of `analysis.speed.speed_table` for the headline's target, with the intervals that are
    shown."""
    table = speed_table(results)
    headline = table["target"] == str(targets(results)[0])
    return with_shown(table[headline & table["quantity"].isin(quantities)])


def headline_ratios(results: Analysis) -> pd.DataFrame:
    """`headline_rows` by clock; tuned only where something was. Empty without a target, as where
    the baseline gains nothing.

    Further columns: quality (of the target) and untrained, how many of the arm's runs are there
    before training.
    """
    runs = to_target(results)
    runs = runs[(runs["target"] == str(targets(results)[0])) & runs["quality"].notna()]
    there = runs.assign(untrained=runs["point"] == 0).groupby("arm")
    about = there.agg({"quality": "first", "untrained": "sum"})
    clocks = charged_clocks(results)
    return headline_rows(results, clocks).join(about, on="arm", how="inner")


def missing(row: Row) -> str:
    """Why there is no ratio."""
    if not row["reached"]:
        return "not within the budget"
    if row["untrained"]:  # after no seconds at all
        return f"{row['untrained']}/{row['seeds']} there before training"
    return "cannot be compared"


def times(row: Row) -> str:
    """``≥ 7.4×``, rounded to its interval."""
    return f"{_spanned(row).partition(' [')[0]}×"


def ratio_text(row: Row) -> str:
    """``≥ 7.4 [5.8, 8.9] ×``, or why there is no ratio."""
    return missing(row) if np.isnan(row["ratio"]) else f"{_spanned(row)} ×"


def _spanned(row: Row) -> str:
    return spanned(row["ratio"], row["shown low"], row["shown high"], row["bound"])
