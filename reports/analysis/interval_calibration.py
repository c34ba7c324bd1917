"""What simulation says of how often the report's intervals cover the truth (`reports.simulation`).

coverage.csv holds it; what an interval keeps of its promise stands beside it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_name("coverage.csv")
SEEDS: tuple[int, ...] = (3, 5, 10)
CENSORED = (0.0, 0.3, 0.6)
"""Numbers of seeds, and shares of censored values, that were simulated."""

FLAT: float = 8.0
"""A budget, in the baseline's median τ, at whose end few of its runs are not yet there."""

HONEST = (0.94, 0.965)
"""The coverage of a 95 % interval that needs no label."""


@cache
def measured(seeds: int, censored: float, more: int | None = None) -> float | None:
    """The coverage of `ratio` by coverage.csv, the one farthest from 95 % of those that apply.

    ``seeds`` of the smaller side, rounded down to a number simulated; ``more``, of the larger side
    where it has more, rounded up; ``censored``, in [0, 1], the share of the side with the larger
    one, rounded up. None with fewer than three seeds or above 60 % censored.
    """
    if seeds < min(SEEDS) or censored > max(CENSORED):
        return None
    fewer = max(number for number in SEEDS if number <= seeds)
    larger = fewer
    if more is not None and more > seeds:
        larger = min((number for number in SEEDS if number >= more), default=max(SEEDS))
    share = min(share for share in CENSORED if share >= censored)
    table = _committed()
    most = table[["arm censored", "baseline censored"]].max(axis=1)
    sides = (table["seeds"] == fewer) & (table["baseline seeds"] == larger)
    found = table.loc[(table["method"] == "ratio") & sides & (most == share), "coverage"]
    return float(found.iloc[(found - 0.95).abs().argmax()])


def label(seeds: int, censored: float, more: int | None = None) -> str:
    """What has to stand beside a 95 % interval of `ratio`; empty where it keeps its promise.

    The arguments are those of `measured`.
    """
    share = measured(seeds, censored, more)
    if share is None:
        return "coverage not measured"
    return "" if HONEST[0] <= share <= HONEST[1] else f"covers {100 * share:.1f} % in simulation"


def pipeline_label(seeds: int, queries: bool = True) -> str:
    """What the intervals of `analysis.speed` covered from the curves on; empty with too few seeds.

    Worst and best with so many ``seeds`` (of the smaller side), rounded down to a number simulated,
    targets of 95 and 99 % of the gain and a budget that censors few runs. Without ``queries``, of
    the intervals over seeds alone.
    """
    if seeds < min(SEEDS):
        return ""
    fewer = max(number for number in SEEDS if number <= seeds)
    table = _committed().set_index(["method", "seeds", "budget"]).sort_index()
    rows = table.loc["curves" if queries else "curves, seeds alone", fewer, FLAT]
    found = 100 * rows.loc[rows["gain"] >= 0.95, "coverage"]
    share = f"{found.min():.0f} to {found.max():.0f} % in simulation with {fewer} seeds"
    return f"with the target estimated from the same runs, such intervals covered {share}"


@cache
def _committed() -> pd.DataFrame:
    return pd.read_csv(FILE)
