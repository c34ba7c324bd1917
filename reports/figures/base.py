"""What every figure must give."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import ClassVar

import matplotlib.figure
import pandas as pd

from bench.registry import Entry
from reports.analysis.base import Analysis


@dataclass(frozen=True)
class Figure(Entry):
    """A figure; the first paragraph of its docstring is its caption.

    Attributes:
        section: where on the page it stands (`reports.page.SECTIONS`).
        wanted: what is said of final runs, "no final run of FOLDER …", where it shows nothing.
        most: how many arms a reader can tell apart in it, unless asked for others.
    """

    section: ClassVar[str] = "Results"
    wanted: ClassVar[str] = "is finished yet"
    most: ClassVar[int] = 12

    def data(self, results: Analysis) -> pd.DataFrame:
        """Everything the figure shows, of all arms; empty where there is nothing to draw yet.

        What is about one arm has its name in the column ``arm``.
        """
        raise NotImplementedError

    def draw(self, results: Analysis, data: pd.DataFrame) -> matplotlib.figure.Figure:
        """The figure of these data, within `reports.style.applied`: rows of some of the arms."""
        raise NotImplementedError

    def alt(self, results: Analysis, data: pd.DataFrame) -> str:
        """What a reader is told who cannot see the figure."""
        return self.caption

    @property
    def caption(self) -> str:
        return " ".join((inspect.getdoc(type(self)) or "").split("\n\n")[0].split())
