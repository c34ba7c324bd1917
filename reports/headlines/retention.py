"""What the students keep of their teacher's quality, at what size."""

from __future__ import annotations

import math

import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.retention import retention_table
from reports.formatting import named, percents, plain, ratio

MOST = 3


def sentences(results: Analysis) -> list[str]:
    """Of the arms that a claim is about, and those that no other of their teacher beats in size and
    retention, the smallest first; none where no teacher was measured."""
    table = retention_table(results)
    asked = [claim.arm for claim in results.study.claims if claim.quantity == "retention"]
    shown = table[table["front"] | table["arm"].isin(asked)]
    shown = shown.assign(later=~shown["arm"].isin(asked)).sort_values(["later", "size"])
    found = [_clause(row, results) for row in shown.head(MOST).to_dict("records")]
    more = len(shown) - len(found)
    return [*found, f"{more} more are in the tables"] if more > 0 else found


def _clause(row: dict, results: Analysis) -> str:
    """Retention with the outer bounds of its two intervals, over seeds and over queries."""
    ends = {end: [row[f"{over} {end}"] for over in ("seeds", "queries")] for end in ("low", "high")}
    low, high = min(ends["low"]), max(ends["high"])
    if pd.isna([*ends["low"], *ends["high"]]).any():
        low = high = math.nan
    of, study = named(row["of"]), results.study
    return (
        f"{named(row['arm'])} kept {percents(row['retention'], low, high)} % of the "
        f"{plain(study.primary)} of {of} on {plain(study.test[0])}, with {ratio(row['share'])} of "
        "its parameters for a query"
    )
