"""What a student keeps of its teacher's quality, and at what size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from reports import figures
from reports.analysis.base import Analysis
from reports.analysis.retention import retention_table
from reports.drawing.axes import LEAST_RANGE, set_log_scale, side_by_side
from reports.drawing.curves import height_of, set_range
from reports.drawing.labels import Label, legend_below, outside
from reports.figures.base import Figure
from reports.formatting import amount, bounds, percent, percents, plain
from reports.style import GREY, LineStyle, canvas, looks, points

_ENDS = ["seeds low", "seeds high", "queries low", "queries high"]
_SHOWN = ["arm", "of", "seeds", "quality", "retention", *_ENDS, "size", "front"]
_BARS = {"seeds": (3.4, 0.35), "queries": (0.8, 1.0)}
"""What intervals are over: how broad their bars are, and how opaque."""

_TEACHERS = ("*", "h", "8", "<", ">")


@figures.register("retention")
@dataclass(frozen=True)
class Retention(Figure):
    """Quality on test as a share of the teacher's, against the parameters that encode a query.
    Points are means over seeds, each with two 95 % intervals: a thin bar over the test queries
    (paired bootstrap, seeds averaged), a broad pale one over seeds (Student's t of log ratios, from
    three seeds on); each leaves out what the other shows. Grey is the teacher, 100 % at its own
    size. Pale steps join the arms that no other arm of their teacher beats in size and retention.
    Points of nearly the same size are moved apart; ticks at the foot are the sizes as they are.
    """

    section: ClassVar[str] = "Students and teachers"
    wanted: ClassVar[str] = "has a retention: that takes a teacher that was measured"

    def data(self, results: Analysis) -> pd.DataFrame:
        table = retention_table(results)
        arms = table[_SHOWN].assign(role="final")
        known = {"of": "arm", "teacher quality": "quality", "teacher size": "size"}
        teachers = table.drop_duplicates("of")[list(known)].rename(columns=known)
        teachers = teachers.assign(seeds=1, retention=1.0, role="reference", front=False)
        return pd.concat([arms, teachers], ignore_index=True)

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        study = results.study
        figure = canvas(1.1)
        axes = figure.subplots()
        data = data.assign(place=side_by_side(data["size"].to_numpy()))
        left, right = data["place"].min(), data["place"].max()
        margin = max((right / left) ** 0.06, (LEAST_RANGE / (right / left)) ** 0.5)
        set_log_scale(axes, left / margin, right * margin, amount)
        set_range(axes, data[["retention", *_ENDS]].stack(), pd.Series(dtype=float))
        trained = data[data["role"] == "final"]
        _draw_fronts(axes, trained[trained["front"]])
        foot = axes.get_xaxis_transform()
        axes.vlines(trained["size"], 0, 0.03, color=GREY, linewidth=points(0.8), transform=foot)
        arms = _draw_arms(axes, trained, looks(results))
        teachers = _draw_teachers(axes, data[data["role"] == "reference"])
        if len(teachers) == 1:
            outside(figure, [axes], arms, teachers)
        else:  # all of them are at 100 %: in the margin nobody could tell which is which
            legend_below(figure, [*arms, *teachers])
        axes.set_xlabel("parameters that encode a query (log scale)")
        axes.set_ylabel(f"retention of {plain(study.primary)} on {plain(study.test[0])}")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
        return figure

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        values = "; ".join(map(_told, data.to_dict("records")))
        return f"{self.caption} Retention of {results.study.primary}: {values}."


def _told(row: dict) -> str:
    size = f"with {amount(row['size'])} parameters"
    if row["role"] == "reference":
        return f"{row['arm']} {percent(row['retention'])} % {size}"
    kept = percents(*(row[key] for key in ("retention", "queries low", "queries high")))
    return f"{row['arm']} {kept} % {size}, over seeds {bounds(row, 'seeds')}"


def _draw_fronts(axes: Axes, rows: pd.DataFrame) -> None:
    """The most that is kept up to each size, for each teacher's arms."""
    for _, own in rows.sort_values("place").groupby("of"):
        shown = own[["place", "retention"]].to_numpy().T
        axes.step(*shown, where="post", color="0.8", linewidth=points(1.2), zorder=1)


def _draw_arms(axes: Axes, rows: pd.DataFrame, looks: dict[str, LineStyle]) -> list[Label]:
    """A point an arm with its intervals."""
    labels = []
    for arm, look in looks.items():
        for row in rows[rows["arm"] == arm].to_dict("records"):
            for over, (broad, opaque) in _BARS.items():
                ends = [row[f"{over} low"], row[f"{over} high"]]
                (bar,) = axes.plot([row["place"]] * 2, ends, color=look.colour, alpha=opaque)
                bar.set(linewidth=points(broad), solid_capstyle="butt", zorder=2)
            labels.append(_draw_point(axes, row, look, 4.2))
    return labels


def _draw_teachers(axes: Axes, rows: pd.DataFrame) -> list[Label]:
    axes.axhline(1.0, color=GREY, linewidth=points(0.7), zorder=1)
    looks = [LineStyle(GREY, _TEACHERS[index % len(_TEACHERS)], "-") for index in range(len(rows))]
    return [_draw_point(axes, *one, 6) for one in zip(rows.to_dict("records"), looks, strict=True)]


def _draw_point(axes: Axes, row: dict, look: LineStyle, size: float) -> Label:
    (point,) = axes.plot(row["place"], row["retention"], **look.symbol, linestyle="none", zorder=3)
    point.set_markersize(points(size))
    return Label(plain(row["arm"]), height_of(axes, row["retention"]), point)
