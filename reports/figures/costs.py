"""What each arm is charged for, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.storage.artifact_name import ArtifactName
from bench.storage.clocks import ARTIFACT_PHASES
from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.selectors import RUN, final_runs
from reports.analysis.statistics import interval
from reports.drawing.labels import named_below
from reports.drawing.rows import draw_names
from reports.figures.base import Figure
from reports.formatting import seconds
from reports.style import canvas, points

OWN = {"train": "training", "mine": "mining along the way"}
OTHERS, TUNING = "other artifacts", "tuning"

_LOOKS = {
    "training": ("#0072B2", ""),
    "mining along the way": ("#56B4E9", "...."),
    OTHERS: ("0.3", "||||"),
    TUNING: ("0.82", ""),
}
_HATCHED = {"#D55E00": "////", "#009E73": "\\\\\\\\", "#CC79A7": "xxxx", "#E69F00": "----"}
"""Of the kinds of artifacts that took the most seconds."""


@figures.register("costs")
@dataclass(frozen=True)
class Costs(Figure):
    """Seconds that an arm is charged, by what they went into; means over final runs. Up to the
    black mark they are cold: training, mining along the way and every artifact that the arm needs,
    as if it had to make each alone. A whole bar, with its number, is tuned: cold and all trials,
    failed ones too, with their dev evaluations. Whiskers are 95 % intervals of the whole over
    seeds. Reading artifacts, starting, evaluating, testing and saving a final run are not charged.
    """

    section: ClassVar[str] = "Costs"
    wanted: ClassVar[str] = "has a bill"
    most: ClassVar[int] = 30

    def data(self, results: Analysis) -> pd.DataFrame:
        runs = final_runs(results)
        bills = results.ledger.reindex(columns=[*RUN, "phase", "what", "seconds"])
        bills = bills[bills["phase"].isin([*OWN, *ARTIFACT_PHASES])].merge(runs[RUN], on=RUN)
        names = bills["what"].where(bills["phase"].isin(ARTIFACT_PHASES))
        kinds = names.map(lambda name: ArtifactName.parse(name).kind, na_action="ignore")
        bills["part"] = bills["phase"].map(OWN).fillna(kinds)
        found = []
        for arm, own in runs.groupby("arm", sort=False):
            parts = bills[bills["arm"] == arm].groupby("part", sort=False)["seconds"].sum()
            cold, tuned = own["cold_seconds"].mean(), interval(own["tuned_seconds"])
            means = {**(parts / len(own)), TUNING: tuned.mean - cold}
            rows = pd.DataFrame({"part": list(means), "seconds": list(means.values())})
            rows = rows.assign(arm=arm, seeds=len(own), cold=cold, tuned=tuned.mean)
            found.append(rows.assign(low=tuned.low, high=tuned.high))
        columns = ["arm", "seeds", "part", "seconds", "cold", "tuned", "low", "high"]
        return pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = canvas()
        axes = figure.subplots()
        whole = data.drop_duplicates("arm").set_index("arm")
        table = _by_part(data).loc[whole.index]
        middles = draw_names(figure, axes, list(whole.index))
        named = [part for part in table if part not in _LOOKS]
        looks = {**_LOOKS, **dict(zip(named, _HATCHED.items(), strict=False))}
        ends, handles = np.zeros(len(table)), dict[str, Artist]()
        for part in table:
            colour, hatch = looks[part]
            look: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": "white"}
            look |= {"linewidth": points(0.3), "hatch_linewidth": points(0.4)}
            axes.barh(middles, table[part], left=ends, height=1, **look)
            ends, handles[part] = ends + table[part], Patch(**look)
        if TUNING in handles:
            wide, tall = points(1.2), (middles - 0.65, middles + 0.65)
            axes.vlines(whole["cold"], *tall, color="black", linewidth=wide)
            handles["cold"] = Line2D([], [], color="k", ls="", marker="|", ms=points(8), mew=wide)
        for colour, width in (("white", 1.7), ("black", 0.7)):
            axes.hlines(middles, whole["low"], whole["high"], color=colour, linewidth=points(width))
        right = whole[["tuned", "high"]].max(axis=1)
        for x, y, tuned in zip(right, middles, whole["tuned"], strict=True):
            axes.text(x, y, f" {seconds(tuned)} s", va="center", fontsize=points(6.5))
        axes.set_xlim(0, 1.3 * right.max() or 1)
        axes.set_xlabel("charged seconds")
        axes.xaxis.set_major_formatter("{x:,.10g}")
        named_below(figure, list(handles.values()), list(handles))
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        told = "; ".join(_told(str(arm), own) for arm, own in data.groupby("arm", sort=False))
        return f"{self.caption} {told}."


def _by_part(data: pd.DataFrame) -> pd.DataFrame:
    """A row an arm, a column a part of its bar, from the left; small artifacts are one part."""
    table = data.pivot_table("seconds", "arm", "part", "sum").fillna(0.0)
    kinds = table.drop(columns=list(_LOOKS), errors="ignore").sum().sort_values(ascending=False)
    named, others = kinds.index[: len(_HATCHED)], kinds.index[len(_HATCHED) :]
    table[OTHERS] = table[others].sum(axis=1)
    table = table.reindex(columns=[*OWN.values(), *named, OTHERS, TUNING])
    return table.loc[:, table.gt(0).any()]


def _told(arm: str, rows: pd.DataFrame) -> str:
    whole = rows.iloc[0]
    parts = ", ".join(f"{row.part} {seconds(row.seconds)}" for row in rows.itertuples())
    return f"{arm} {seconds(whole['tuned'])} s, {seconds(whole['cold'])} s of it cold ({parts})"
