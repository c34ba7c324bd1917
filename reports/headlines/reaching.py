"""Who reached what the baseline reached, with what share of its examples and time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.selectors import arms
from reports.analysis.speed import speed_table, with_shown
from reports.analysis.targets import targets, to_target
from reports.formatting import named
from reports.headlines.phrasing import in_words, listed


def sentences(results: Analysis) -> list[str]:
    """Of the headline's target, a clause for each arm or for several of which the same is true,
    those that got there first; none where there is no target."""
    study, target = results.study, str(targets(results)[0])
    runs = to_target(results)
    runs = runs[runs["target"] == target]
    if runs.empty:
        return []
    if runs["quality"].isna().all():
        return [
            f"{named(study.baseline)} gained nothing on dev-curve by the end of its budget: there "
            "is no target on its scale, and no arm is faster or slower to it"
        ]
    table = with_shown(speed_table(results))
    table = table[table["target"] == target]
    told: dict[str, list[str]] = {}
    place: dict[str, float] = {}
    for arm in arms(results):
        rows = table[table["arm"] == arm].set_index("quantity")
        if len(rows):
            own = runs[runs["arm"] == arm]
            said = _told(rows, own)
            told.setdefault(said, []).append(named(arm))
            place[said] = _place(rows, own)
    # Arms of which the same is true share a clause.
    found = [f"{listed(told[said])} {said}" for said in sorted(told, key=place.__getitem__)]
    words = [f"{target} of {named(study.baseline)}", *["it"] * len(found)]
    found = [clause.replace(GOAL, word) for clause, word in zip(found, words, strict=False)]
    return [*found, *_baseline_itself(table)]


GOAL = "\0"
"""What is reached: in words the first time, and then `it`. No name holds this character."""


def _place(rows: pd.DataFrame, runs: pd.DataFrame) -> float:
    """Where in the sentence: the soonest first, then those without a ratio, then who missed it."""
    if not runs["reached"].any():
        return math.inf
    speed_up = rows.loc["cold", "ratio"]
    return sys.float_info.max if math.isnan(speed_up) else 1 / speed_up


def _told(rows: pd.DataFrame, runs: pd.DataFrame) -> str:
    """What the arm did: rows of the speed table by quantity, and its runs to the target."""
    seeds = len(runs)
    if not runs["reached"].any():
        stopped = int(runs["stopped"].sum())
        cut = f", which patience cut short with {stopped} of {seeds} seeds" if stopped else ""
        return f"did not get to {GOAL} within the budget{cut}"
    at_once = int((runs["point"] == 0).sum())
    if at_once == seeds:
        return f"had {GOAL} before any training"
    first = f"reached {GOAL}{_counted(int(runs['reached'].sum()), seeds)}"
    if at_once:
        return f"{first}, with {at_once} of {seeds} seeds before any training (no ratio)"
    examples, time = _times(rows.loc["examples"], False), _times(rows.loc["cold"], True)
    if not examples and not time:
        return f"{first} (too few in time for a ratio)"
    comma = "" if runs["reached"].all() else ","
    return (
        f"{first}{comma} with {examples or 'an unknown share'} of its examples and in "
        f"{time or 'an unknown share'} of its time with everything charged"
    )


def _counted(reached: int, seeds: int) -> str:
    """`` with 2 of 3 seeds``; empty where all got there."""
    return "" if reached == seeds else f" with {reached} of {seeds} seeds"


def _baseline_itself(table: pd.DataFrame) -> Iterator[str]:
    """What the reader must know of a baseline that did not always get there."""
    for row in table.head(1).to_dict("records"):
        reached, seeds = row["baseline reached"], row["baseline seeds"]
        name = named(row["baseline"])
        if not reached:
            yield (
                f"{name} itself was never there at two evaluation points in a row, so that ratios "
                "are bounds"
            )
        elif reached < seeds:
            yield f"{name} itself got there with {reached} of {seeds} seeds"


_TURNED = str.maketrans("≥≤", "≤≥")


def _times(row: pd.Series, inverse: bool) -> str:
    """``0.21 [0.14, 0.33]``, of a speed-up its inverse; empty where it is not known."""
    value, bound = float(row["ratio"]), str(row["bound"])
    if math.isnan(value) or bound == "~":
        return ""
    if not inverse:
        return in_words(value, row, bound)
    ends = {"shown low": 1 / row["shown high"], "shown high": 1 / row["shown low"]}
    return in_words(1 / value, {**ends, "over": row["over"]}, bound.translate(_TURNED))
