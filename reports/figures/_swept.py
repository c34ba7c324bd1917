"""Quality along a swept option, and across it that of arms without the option."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reports.drawing.axes import set_log_scale
from reports.drawing.curves import height_of
from reports.drawing.labels import Label
from reports.formatting import Row, plain
from reports.style import LineStyle, points

PANEL = ["student", "option"]
"""Columns of which a panel has one value."""

QUALITY = ["quality", "quality low", "quality high"]
"""Columns of a mean and its interval."""

CHOSEN = "best on dev-select"

LOGARITHMIC = 20.0
"""Largest ÷ smallest value, all of them positive, from which their axis is logarithmic."""

_MARKERS = ("o", "s", "D", "^")
_DASHES = ((4, 1.5), (1.5, 1.2), (6, 1.5, 1.5, 1.5))

_STATES: dict[str, dict[str, Any]] = {
    "trained": {},
    "partly untrained": {"fillstyle": "bottom"},
    "untrained": {"markerfacecolor": "white"},
}
"""How a symbol looks of which no, some or all seeds were tested as they were before training."""


def set_values(axes: Axes, values: pd.Series) -> str:
    """An axis for the values; what has to be said of it behind its name."""
    low, high = values.min(), values.max()
    if not (low > 0 and high / low >= LOGARITHMIC):
        return ""
    margin = (high / low) ** 0.04
    set_log_scale(axes, low / margin, high * margin, "{:,.10g}".format)
    return " (log scale)"


def with_looks(rows: pd.DataFrame, looks: Mapping[str, LineStyle]) -> pd.DataFrame:
    """Rows with name, colour and place among their like: of an arm the same in all panels."""
    parts = rows["arm"].str.rpartition(" + ")
    ends = parts[2].groupby([rows[key] for key in PANEL]).transform("nunique")
    # What all arms of a panel end in is its student, whom its title names.
    names = parts[0].where((ends == 1) & (parts[1] != ""), rows["arm"])
    bands = rows["role"] == "band"
    first = rows[bands].groupby(names[bands])["arm"].first()
    colours = names.map(first).map({arm: look.colour for arm, look in looks.items()})
    free = [look.colour for look in looks.values() if look.colour not in set(colours[bands])]
    palette = [*dict.fromkeys(free), "black"]
    place = rows.groupby(PANEL)["sweep"].transform(lambda own: pd.factorize(own)[0])
    place = place.mask(bands, pd.Series(pd.factorize(names.where(bands))[0], rows.index))
    swept = place.map(lambda at: palette[at % len(palette)])
    return rows.assign(name=names.map(plain), colour=colours.where(bands, swept), place=place)


def draw_sweep(axes: Axes, rows: pd.DataFrame) -> Label:
    """A line of means, a symbol and an interval a value, and a ring around the chosen one."""
    values, means, colour = rows["value"], rows["quality"], rows["colour"].iloc[0]
    ends = rows["quality low"], rows["quality high"]
    axes.vlines(values, *ends, color=colour, linewidth=points(0.9), zorder=3)
    look = _symbol("trained", colour, _MARKERS[rows["place"].iloc[0] % len(_MARKERS)])
    line_look = {**look, "linestyle": "-", "linewidth": points(1.3)}
    (line,) = axes.plot(values, means, **line_look, zorder=3)
    for row in rows.to_dict("records"):
        axes.plot(row["value"], row["quality"], **look, **_STATES[_state(row)], zorder=4)
        if row["chosen"]:
            axes.plot(row["value"], row["quality"], **_ring(), zorder=5)
    return Label(plain(rows["sweep"].iloc[0]), height_of(axes, means.iloc[-1]), line)


def draw_band(axes: Axes, row: Row) -> Label:
    """A line across at the mean of an arm, its interval as an area."""
    colour, ends = row["colour"], (row["quality low"], row["quality high"])
    axes.axhspan(*ends, facecolor=colour, edgecolor="none", alpha=0.13, zorder=1)
    mean = {
        "color": colour,
        "linewidth": points(1.1),
        "linestyle": (0, _DASHES[row["place"] % len(_DASHES)]),
    }
    line = axes.axhline(row["quality"], **mean, zorder=2)
    return Label(row["name"], height_of(axes, row["quality"]), line)


def key(rows: pd.DataFrame) -> dict[str, Line2D]:
    """What the symbols mean that there are."""
    found = set(map(_state, rows[rows["role"] == "swept"].to_dict("records")))
    said = {state: _symbol(state, "0.2", "o") for state in _STATES if state in found - {"trained"}}
    return {name: Line2D([], [], **look) for name, look in {CHOSEN: _ring(), **said}.items()}


def _state(row: Row) -> str:
    if not row["untrained"]:
        return "trained"
    return "untrained" if row["untrained"] == row["seeds"] else "partly untrained"


def _symbol(state: str, colour: str, marker: str) -> dict[str, Any]:
    edge, size = points(0.9), points(4.2)
    look = {"color": colour, "markerfacecoloralt": "white", "marker": marker, **_STATES[state]}
    return {**look, "linestyle": "", "markersize": size, "markeredgewidth": edge}


def _ring() -> dict[str, Any]:
    look = {"color": "black", "marker": "o", "linestyle": "", "markerfacecolor": "none"}
    return {**look, "markersize": points(8.5), "markeredgewidth": points(0.9)}
