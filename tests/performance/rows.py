"""The table of what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from tests.performance.pairs import Ratio


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
        values: as measured, ascending.
        wanted: what their median must reach, or must not exceed.
        at_most: whether it must not exceed it.
        seconds: (of ours, of theirs) of each pair, where the values are ratios.
    """

    name: str
    values: list[float]
    wanted: float
    at_most: bool = False
    seconds: tuple[tuple[float, float], ...] = ()

    @property
    def reached(self) -> bool:
        middle = median(self.values)
        return middle <= self.wanted if self.at_most else middle >= self.wanted

    def __str__(self) -> str:
        low, middle, high = self.values[0], median(self.values), self.values[-1]
        wanted = f"wanted {'≤' if self.at_most else '≥'} {self.wanted:.3g}"
        missed = "" if self.reached else "  missed"
        return f"{middle:5.2f} ({low:.2f} to {high:.2f})  {wanted}{missed}  {self.name}"


class Table:
    """What was measured so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def at_least(self, name: str, ratio: Ratio, wanted: float) -> Row:
        """Add a row of how many times as fast ours is."""
        self.rows.append(Row(name, ratio.each, wanted, seconds=ratio.pairs))
        return self.rows[-1]

    def at_most(self, name: str, values: list[float], wanted: float) -> Row:
        """Add a row of numbers of which less is better."""
        self.rows.append(Row(name, sorted(values), wanted, at_most=True))
        return self.rows[-1]
