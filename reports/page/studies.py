"""The page that lays studies side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.analysis.base import Analysis
from reports.analysis.validity import warnings
from reports.comparison.setups import differing
from reports.headlines import headline
from reports.page.study import SECTIONS
from reports.page.template import Picture, fill
from reports.tables.base import Table

_PARTS = {
    "Results": ["quality", "differences", "agreement"],
    "Reaching the baseline": ["reaching"],
}
"""The parts of the page that compare, with their tables; their figures stand above."""

_NO_ANSWER = "Nothing is finished here that could be compared with a baseline."


@dataclass(frozen=True)
class StudyPanels:
    """One figure of several studies.

    Attributes:
        pictures: one a study, its label in the caption.
    """

    name: str
    section: str
    caption: str
    pictures: Sequence[Picture]

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize()


@dataclass(frozen=True)
class _Part:
    """A part of the page: what compares the studies, then each study's own figures."""

    title: str
    figures: Sequence[Picture]
    tables: Sequence[Table]
    panels: Sequence[StudyPanels]


def render(
    studies: Mapping[str, Analysis],
    links: Mapping[str, str],
    tables: Sequence[Table],
    pictures: Sequence[Picture],
    panels: Sequence[StudyPanels],
) -> str:
    """The page's HTML; ``links`` lead to the studies' own reports."""
    known = {table.name: table for table in tables}
    return fill(
        "studies.html.j2",
        {
            "title": f"{len(studies)} studies side by side",
            "studies": [_told(label, of, links.get(label, "")) for label, of in studies.items()],
            "warnings": differing(studies),
            "parts": _parts(known, pictures, panels),
            "setups": known["set-ups"],
        },
    )


def _told(label: str, results: Analysis, link: str) -> dict[str, Any]:
    """What stands at the top of each study."""
    return {
        "label": label,
        "title": results.study.title,
        "question": results.study.question,
        "answer": headline(results) or _NO_ANSWER,
        "link": link,
        "warnings": warnings(results),
    }


def _parts(
    tables: Mapping[str, Table], pictures: Sequence[Picture], panels: Sequence[StudyPanels]
) -> list[_Part]:
    """Those parts that have something to show."""
    parts = [
        _Part(
            title,
            [picture for picture in pictures if picture.section == title],
            [tables[name] for name in _PARTS.get(title, ()) if name in tables],
            [panel for panel in panels if panel.section == title],
        )
        for title in SECTIONS
    ]
    return [part for part in parts if part.figures or part.tables or part.panels]
