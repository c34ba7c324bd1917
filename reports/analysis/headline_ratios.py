"""Speed-ups to the headline's target as figures show them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.selectors import tuned_arms
from reports.analysis.speed import speed_table, with_shown
from reports.analysis.targets import CLOCKS, targets, to_target
from reports.formatting import Row, spanned


def headline_ratios(results: Analysis) -> pd.DataFrame:
    """Rows of `analysis.speed.speed_table`: the headline's target, by clock; tuned only where
    something was. Empty without a target, as where the baseline gains nothing.

    Columns behind its own: those of `with_shown`; quality (of the target) and untrained, how many
    of the arm's runs are there before training.
    """
    table, runs = speed_table(results), to_target(results)
    headline = str(targets(results)[0])
    clocks = CLOCKS if tuned_arms(results) else CLOCKS[:-1]
    rows = table[(table["target"] == headline) & table["quantity"].isin(clocks)]
    runs = runs[(runs["target"] == headline) & runs["quality"].notna()]
    there = runs.assign(untrained=runs["point"] == 0).groupby("arm")
    about = there.agg({"quality": "first", "untrained": "sum"})
    return with_shown(rows).join(about, on="arm", how="inner")


def missing(row: Row) -> str:
    """Why there is no ratio."""
    if not row["reached"]:
        return "not within the budget"
    if row["untrained"]:  # after no seconds at all
        return f"{row['untrained']}/{row['seeds']} there before training"
    return "cannot be compared"


def times(row: Row) -> str:
    """``≥ 7.4×``: as many digits as the interval leaves."""
    return f"{_spanned(row).partition(' [')[0]}×"


def told(row: Row) -> str:
    """``≥ 7.4 [5.8, 8.9] ×``, or why there is no ratio."""
    return missing(row) if np.isnan(row["ratio"]) else f"{_spanned(row)} ×"


def _spanned(row: Row) -> str:
    return spanned(row["ratio"], row["shown low"], row["shown high"], row["bound"])
