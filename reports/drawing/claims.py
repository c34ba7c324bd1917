"""A study's claims as lines in its figures, each named by its value and source."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from matplotlib.axes import Axes

from bench.storage.clocks import CLOCKS
from bench.study.schema import Claim
from reports.analysis.base import Analysis
from reports.analysis.claims import bounds_text, claims_about, quantity_of
from reports.drawing.labels import Label
from reports.formatting import plain
from reports.style import GREY, points


def claim_bounds(results: Analysis, quantities: Collection[str]) -> list[float]:
    """Where claims about these quantities have their lines."""
    return [bound for claim in claims_about(results, quantities) for bound in claim.bounds]


def draw_claims(axes: Axes, results: Analysis, quantities: Collection[str]) -> list[Label]:
    """A dotted line at each bound within the axes; a label for each claim that has one there."""
    (left, right), labels = axes.get_xlim(), []
    look: dict[str, Any] = {"color": GREY, "linewidth": points(0.9), "linestyle": ":", "zorder": 0}
    for claim in claims_about(results, quantities):
        lines = [axes.axvline(at, **look) for at in claim.bounds if left <= at <= right]
        labels += [Label(_name(results, claim), 0, line) for line in lines[:1]]
    return labels


def _name(results: Analysis, claim: Claim) -> str:
    """``tuned 3× to 15× against b (source)``; the baseline is not named."""
    quantity = quantity_of(claim)
    if quantity in CLOCKS:
        said = f"{quantity} {bounds_text(claim, '{:g}×'.format)}"
    else:
        said = bounds_text(claim, lambda share: f"{100 * share:g} %")
    if claim.against not in ("", results.study.baseline):
        said += f" against {claim.against}"
    return plain(f"{said} ({claim.source or claim.says})")
