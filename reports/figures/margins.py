"""Quality over the values of a swept option of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.sensitivity import bands_table, primary_columns, sensitivity_table
from reports.drawing.curves import LEAST_RANGE
from reports.drawing.labels import Label, gap_in, in_margin, named_below, wrapped
from reports.figures._swept import (
    PANEL,
    QUALITY,
    draw_band,
    draw_sweep,
    key,
    set_values,
    with_looks,
)
from reports.figures.base import Figure
from reports.formatting import Row, plain, spread
from reports.style import canvas, characters, looks

MARGIN = 0.33
"""Of a figure's width, the share that the name of a line may take beside it."""


@figures.register("margins")
@dataclass(frozen=True)
class Margins(Figure):
    """Quality on the first test against the swept option: means over seeds, with 95 % intervals.
    A ring is the best value on dev-select, which is the one to take: nothing of test is in it.
    Dashed across are arms of the same student without the option, areas their intervals. A symbol
    is half full where some seeds, empty where all, were best on dev-select before any training:
    what was tested there is the untrained student. All panels span as much of the measure.
    """

    section: ClassVar[str] = "Sensitivity"
    wanted: ClassVar[str] = "sweeps an option of a loss: that takes at least three values of it"
    most: ClassVar[int] = 100  # values are told apart by where they stand

    def data(self, results: Analysis) -> pd.DataFrame:
        test = primary_columns(results)[0]
        bounds = dict(zip([test, f"{test} low", f"{test} high"], QUALITY, strict=True))
        swept = sensitivity_table(results).rename(columns=bounds).assign(role="swept")
        bands = bands_table(results).drop_duplicates(["arm", *PANEL]).drop(columns="chosen")
        data = pd.concat([swept, bands.assign(role="band")])
        columns = ["role", "sweep", *PANEL, "arm", "value", "seeds", "untrained"]
        return data[[*columns, "dev-select", "chosen", *QUALITY]]

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        rows = with_looks(data, looks(results))
        panels = [own for _, own in rows.groupby(PANEL, sort=False)]
        figure = canvas(0.35 + 0.65 * len(panels))
        alike = data["option"].nunique() == 1
        every = list(figure.subplots(len(panels), sharex=alike, squeeze=False)[:, 0])
        ranges = [np.nanpercentile(own[QUALITY], [0, 100]) for own in panels]
        span = 1.1 * max(LEAST_RANGE, *(high - low for low, high in ranges))
        labels = []
        for axes, own, ends in zip(every, panels, ranges, strict=True):
            axes.set_ylim(np.mean(ends) - span / 2, np.mean(ends) + span / 2)
            labels.append(_draw_panel(axes, own))
            if axes is every[-1] or not alike:
                axes.set_xlabel(plain(own["option"].iloc[0]) + set_values(axes, own["value"]))
        handles = dict(key(data))
        if all(map(_fit, every, labels)):
            for axes, beside in zip(every, labels, strict=True):
                in_margin(axes, beside)
        else:
            handles = {label.text: label.line for beside in labels for label in beside} | handles
        named_below(figure, list(handles.values()), list(handles))
        figure.supylabel(f"{plain(results.study.primary)} on {plain(results.study.test[0])}")
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        told = "; ".join(map(_told, data.to_dict("records")))
        return f"{self.caption} {results.study.primary}: {told}."


def _draw_panel(axes: Axes, rows: pd.DataFrame) -> list[Label]:
    """Sweeps over arms without the option; what has to be named beside or below them."""
    bands = rows[rows["role"] == "band"].to_dict("records")
    sweeps = rows[rows["role"] == "swept"].groupby("sweep", sort=False)
    named = [draw_band(axes, band) for band in bands]
    lines = [draw_sweep(axes, own) for _, own in sweeps]
    title = lines[0].text if len(lines) == 1 else plain(rows["student"].iloc[0])
    axes.set_title(wrapped(title, characters(0.9)))
    return [*named, *lines] if len(lines) > 1 else named


def _fit(axes: Axes, labels: list[Label]) -> bool:
    """Whether they can stand beside the axes."""
    short = all(len(label.text) <= characters(MARGIN) for label in labels)
    return short and len(labels) * gap_in(axes) <= 1


def _told(row: Row) -> str:
    swept = row["role"] == "swept"
    name = f"{row['sweep']} at {row['value']:g}" if swept else row["arm"]
    untrained = f", {row['untrained']:g} of {row['seeds']:g} seeds untrained"
    chosen = " (best on dev-select)" if row["chosen"] is True else ""
    return f"{name}{chosen} {spread(row, 'quality')}{untrained if row['untrained'] else ''}"
