"""With what share of the baseline's labels the arms reach what it reaches with all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.results import Results
from reports.answers.phrasing import listed
from reports.data_fraction import fractions_table
from reports.targets import targets
from reports.wording import named, spanned


def clauses(results: Results) -> list[str]:
    """Of the headline's target; none where there are no smaller shares of the train queries."""
    if not results.subsets:
        return []
    table, target = fractions_table(results), str(targets(results)[0])
    rows = table[(table["target"] == target) & (table["arm"] != results.study.baseline)]
    goal = f"{target} of {named(results.study.baseline)}"
    there = rows[rows["reached"] > 0].sort_values("fraction").to_dict("records")
    missed = [named(arm) for arm in rows.loc[rows["reached"] == 0, "arm"]]
    found = [_clause(row, goal) for row in there]
    return (
        [*found, f"{listed(missed)} did not get {'there' if found else f'to {goal}'} on any share"]
        if missed
        else found
    )


def _clause(row: Mapping[Any, Any], goal: str) -> str:
    counted = (
        "" if row["reached"] == row["seeds"] else f" with {row['reached']} of {row['seeds']} seeds"
    )
    share = spanned(row["fraction"], row["low"], row["high"], str(row["bound"]))
    return f"{named(row['arm'])} reached {goal}{counted} with {share} of its labels"
