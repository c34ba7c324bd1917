"""What hangs on a swept option, and whether a value chosen with one student serves another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.analysis.base import Analysis
from reports.analysis.sensitivity import bands_table, primary_columns, sweeps_table, transfer_table
from reports.analysis.sweeps import told_apart
from reports.formatting import measure, named, plain
from reports.headlines.phrasing import signed_between


def sentences(results: Analysis) -> list[str]:
    """Of each sweep on the first test; none where nothing is swept."""
    test = primary_columns(results)[0]
    table = sweeps_table(results)
    sweeps = table[table["test"] == test].to_dict("records")
    found = [_sweep(row, test) for row in sweeps]
    found += [_transfer(row, [row["from"], row["to"]]) for row in _transfers(results)]
    return [*found, *(_band(row) for row in bands_table(results).to_dict("records"))]


def _transfers(results: Analysis) -> list[Mapping[Any, Any]]:
    """Where the two students choose otherwise."""
    rows = transfer_table(results).to_dict("records")
    return [row for row in rows if row["from's choice"] != row["own choice"]]


def _sweep(row: Mapping[Any, Any], test: str) -> str:
    return (
        f"{named(row['sweep'])} has {plain(test)} {measure(row['at chosen'])} at the value that "
        f"dev-select chose ({row['chosen']:g}), from which a value drawn at random from the grid "
        f"takes {measure(row['mean regret'])} and the worst {measure(row['worst regret'])}"
    )


def _transfer(row: Mapping[Any, Any], students: list[str]) -> str:
    giver, taker = (plain(told_apart(name, students)) for name in students)
    regret = signed_between(*(row[name] for name in ("regret", "regret low", "regret high")))
    return f"the choice of {giver} costs {taker} {regret}"


def _band(row: Mapping[Any, Any]) -> str:
    gap = [row[f"difference{end}"] for end in ("", " low", " high")]
    return f"{named(row['arm'])} differs from the chosen value by {signed_between(*gap)}"
