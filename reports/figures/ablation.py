"""What each arm changes, measure by measure and test by test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.quality import quality_table
from reports.analysis.selectors import final_runs
from reports.analysis.sensitivity import primary_columns
from reports.drawing.curves import LEAST_RANGE
from reports.drawing.labels import wrapped
from reports.drawing.rows import draw_names
from reports.figures._cells import draw_cell, draw_header, draw_key, draw_number
from reports.figures.base import Figure
from reports.figures.options import FigureOptions
from reports.formatting import Row, arm_name, decimals, fixed, measure, plain
from reports.style import canvas, characters

LEVEL, GAP, COLUMN = 0.05, 0.3, 6  # of significance; between measures, in columns of 6 characters

_COMPARED = ["arm", "seeds", "difference", "low", "high", "p Holm"]


@figures.register("ablation")
@dataclass(frozen=True)
class Ablation(Figure):
    """Differences to the baseline, whose own values are in its row; means over seeds. Blue is
    better, orange worse, the stronger the larger among those of the measure. A cell is filled where
    the 95 % interval, over seeds and queries, is on one side of 0; it is only framed where the
    interval contains 0, or where fewer than three seeds give none. An asterisk is p < 0.05 in a
    paired randomisation test of queries (adjusted by Holm for the number of arms), of the primary
    measure on the first test alone. What there is no room for is in the data.
    """

    wanted: ClassVar[str] = "can be compared with the baseline's"
    most: ClassVar[int] = 30

    def data(self, results: Analysis) -> pd.DataFrame:
        study, found = results.study, []
        runs = final_runs(results).groupby("arm", sort=False)
        for name in [study.primary, *(name for name in study.measures if name != study.primary)]:
            measured = FigureOptions(measure=name).with_measure(results)
            table = quality_table(measured)
            if name != (results.chosen_by or study.primary):
                table = table.assign(**{"p Holm": np.nan})  # it was not what the study asked
            for test, column in zip(study.tested, primary_columns(measured), strict=True):
                own = runs[column].mean().rename("value").reset_index()
                own = own.assign(baseline=own["arm"] == study.baseline, measure=name, test=test)
                compared = table.loc[table["test"] == test, _COMPARED]
                found.append(own.merge(compared, on="arm", how="left"))
        data = pd.concat(found, ignore_index=True)
        known = data["difference"].notna()
        shown = data[known | (data["baseline"] & known.any())]
        return shown.sort_values("baseline", ascending=False, kind="stable")

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = canvas()
        axes = figure.subplots()
        arms = data.drop_duplicates("arm")
        middles = draw_names(figure, axes, [arm_name(row) for row in arms.to_dict("records")])
        names = [line for text in axes.get_yticklabels() for line in text.get_text().split("\n")]
        data = data[_fitting(data, characters(0.96) - max(map(len, names)))]
        measures = data.groupby("measure", sort=False)
        cells = data.assign(
            x=data.groupby(["measure", "test"], sort=False).ngroup() + GAP * measures.ngroup(),
            y=data["arm"].map(dict(zip(arms["arm"], middles, strict=True))),
            most=measures["difference"].transform(lambda own: max(own.abs().max(), LEAST_RANGE)),
            marked=(data["p Holm"] < LEVEL) & ((data["low"] > 0) | (data["high"] < 0)),
        )
        for cell in cells.to_dict("records"):
            _draw(axes, cell)
        columns = cells.drop_duplicates("x")
        groups = columns.groupby("measure", sort=False)["x"].mean()
        draw_header(axes, dict(zip(columns["x"], columns["test"], strict=True)), groups)
        axes.set_xlabel(wrapped(f"difference to {plain(results.study.baseline)}", characters(0.5)))
        framed = "0 in its interval" if cells["low"].notna().any() else "no interval"
        draw_key(figure, framed, f"p < {LEVEL} (queries)" if cells["marked"].any() else "")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        return f"{self.caption} {'; '.join(map(_told, data.to_dict('records')))}."


def _fitting(data: pd.DataFrame, room: int) -> pd.Series:
    """Rows of the measures, the primary one first, for whose numbers there is room."""
    columns, tests = max(room // COLUMN, 1), list(data["test"].unique())
    measures = data["measure"].unique()[: max(columns // len(tests), 1)]
    return data["measure"].isin(measures) & data["test"].isin(tests[:columns])


def _draw(axes: Axes, cell: Row) -> None:
    """The baseline's own value, or a difference to it."""
    place, text = (cell["x"], cell["y"]), measure(cell["value"])
    if not cell["baseline"]:
        filled = cell["low"] > 0 or cell["high"] < 0
        draw_cell(axes, *place, cell["difference"] / cell["most"], filled)
        text = _rounded(cell)[0] + "*" * int(cell["marked"])
    draw_number(axes, *place, text)


def _told(row: Row) -> str:
    where = f"{row['arm']}, {row['measure']} on {row['test']}"
    if row["baseline"]:
        return f"{where}: {measure(row['value'])}"
    difference, low, high = _rounded(row)
    return f"{where}: {difference}" + ("" if np.isnan(row["low"]) else f" [{low}, {high}]")


def _rounded(row: Row) -> list[str]:
    """A difference and its interval at what that leaves of them, three decimals at most."""
    values = [row[key] for key in ("difference", "low", "high")]
    return [fixed(value, min(decimals(*values), 3), sign=True) for value in values]
