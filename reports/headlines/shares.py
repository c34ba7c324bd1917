"""With what share of the baseline's labels the arms reach what it reaches with all of them."""

from __future__ import annotations

import math

from reports.analysis.base import Analysis
from reports.analysis.data_fraction import fractions_table
from reports.analysis.speed import with_shown
from reports.analysis.targets import targets
from reports.formatting import Row, named
from reports.headlines.phrasing import in_words, listed


def sentences(results: Analysis) -> list[str]:
    """Of the headline's target; none where there are no smaller shares of the train queries."""
    if not results.subsets:
        return []
    table, target = fractions_table(results), str(targets(results)[0])
    rows = table[(table["target"] == target) & (table["arm"] != results.study.baseline)]
    rows = with_shown(rows[rows["quality"].notna()])
    goal = f"{target} of {named(results.study.baseline)}"
    there = rows[rows["reached"] > 0].sort_values("fraction").to_dict("records")
    missed = [named(arm) for arm in rows.loc[rows["reached"] == 0, "arm"]]
    found = [_clause(row, goal) for row in there]
    return (
        [*found, f"{listed(missed)} did not get {'there' if found else f'to {goal}'} on any share"]
        if missed
        else found
    )


def _clause(row: Row, goal: str) -> str:
    reached, seeds = row["reached"], row["seeds"]
    counted = "" if reached == seeds else f" with {reached} of {seeds} seeds"
    said = f"{named(row['arm'])} reached {goal}{counted}"
    if math.isnan(row["fraction"]):
        return f"{said}, with labels that are not known"
    return f"{said} with {in_words(row['fraction'], row, str(row['bound']))} of its labels"
