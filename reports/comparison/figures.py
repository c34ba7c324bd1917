"""The figures that lay studies side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.analysis.base import Analysis
from reports.analysis.headline_ratios import headline_ratios, missing
from reports.analysis.targets import targets
from reports.comparison.forest import Forest
from reports.comparison.quality import against_baseline
from reports.drawing.axes import set_log_scale
from reports.drawing.curves import LEAST_RANGE
from reports.formatting import Row, plain, signed, spanned


@dataclass(frozen=True)
class Quality(Forest):
    """The primary measure on each study's first test, minus that of the study's own baseline, with
    95 % intervals over seeds and queries. Right of the line is better. A symbol is open where 0 is
    in the interval, or there is none; it is the arm's in every panel. Where panels stand beside
    each other, a row without a symbol is an arm that the study does not have.
    """

    name: ClassVar[str] = "quality"
    section: ClassVar[str] = "Results"
    equal_at: ClassVar[float] = 0.0

    def data(self, results: Analysis) -> pd.DataFrame:
        table = against_baseline(results).rename(columns={"difference": "value"})
        if results.chosen_by:
            table = table.assign(**{"p Holm": np.nan})  # it was not what the study asked
        kept = ["arm", "baseline", "test", "seeds", "value", "low", "high", "p Holm"]
        table = table[kept].assign(measure=results.study.primary, over="", bound="")
        return table.assign(missing="no value")

    def axis(self, studies: Sequence[Analysis]) -> str:
        measures = dict.fromkeys(plain(results.study.primary) for results in studies)
        return f"{' or '.join(measures)}, difference to the baseline"

    def set_range(self, axes: Axes, values: Sequence[float]) -> None:
        margin = max(0.06 * (max(values) - min(values)), LEAST_RANGE / 2)
        axes.set_xlim(min(values) - margin, max(values) + margin)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _difference(value)))

    def value_text(self, row: Row) -> str:
        return f"{signed(row['value'])} [{signed(row['low'])}, {signed(row['high'])}]"


def _difference(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:+.3g}".replace("-", "−")


@dataclass(frozen=True)
class SpeedUp(Forest):
    """The charged seconds that each study's own baseline takes to its target ÷ the arm's, with
    everything charged (cold), on a logarithmic axis: right of 1 is faster. Dotted vertical lines
    are the study's claims, if it has any, named below. Horizontal lines are 95 % intervals over
    seeds and dev-curve queries, dotted ones over seeds alone. An arrow marks a bound, as some runs
    did not get there: the truth is further on its way; ~ is a ratio of restricted means, which may
    be off either way. A symbol is open where the truth may be 1 by its interval and bound; it is
    the arm's in every panel. Seconds are those of each study's own machine.
    """

    name: ClassVar[str] = "speed-up"
    section: ClassVar[str] = "Reaching the baseline"
    equal_at: ClassVar[float] = 1.0
    quantity: ClassVar[str] = "cold"

    def data(self, results: Analysis) -> pd.DataFrame:
        table = headline_ratios(results)
        table = table[table["quantity"] == self.quantity]
        said = [missing(row) for row in table.to_dict("records")]
        shown = {"ratio": "value", "shown low": "low", "shown high": "high"}
        kept = ["arm", "baseline", "target", "seeds", "reached", "baseline seeds"]
        kept += ["baseline reached", *shown, "over", "bound"]
        return table[kept].rename(columns=shown).assign(missing=said)

    def axis(self, studies: Sequence[Analysis]) -> str:
        goals = dict.fromkeys(str(targets(results)[0]) for results in studies)
        return f"times as fast to {' or '.join(goals)} (log scale)"

    def set_range(self, axes: Axes, values: Sequence[float]) -> None:
        margin = max(max(values) / min(values), 2.0) ** 0.11
        left, right = min(values) / margin, max(values) * margin**1.5  # an arrow needs room
        set_log_scale(axes, left, right, "{:g}".format)

    def value_text(self, row: Row) -> str:
        if pd.isna(row["value"]):
            return row["missing"]
        return spanned(row["value"], row["low"], row["high"], row["bound"])
