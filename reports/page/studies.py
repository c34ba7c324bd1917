"""The page that lays studies side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.analysis.base import Analysis
from reports.analysis.validity import warnings
from reports.comparison.setups import comparison_warnings
from reports.headlines import headline
from reports.page.sections import StudyPanels, sections_of
from reports.page.template import Picture, fill
from reports.tables.base import Table

_TABLES = {
    "Results": ["quality", "differences", "agreement"],
    "Reaching the baseline": ["reaching"],
}
"""The tables of the sections that compare the studies."""

_NO_ANSWER = "Nothing is finished here that could be compared with a baseline."


def render(
    studies: Mapping[str, Analysis],
    links: Mapping[str, str],
    tables: Sequence[Table],
    pictures: Sequence[Picture],
    panels: Sequence[StudyPanels],
) -> str:
    """The page's HTML; ``links`` lead to the studies' own reports."""
    return fill(
        "studies.html.j2",
        {
            "title": f"{len(studies)} studies side by side",
            "studies": [_summary(label, of, links.get(label, "")) for label, of in studies.items()],
            "warnings": comparison_warnings(studies),
            "sections": sections_of(_TABLES, tables, pictures, panels),
            "tables": {table.name: table for table in tables},
        },
    )


def _summary(label: str, results: Analysis, link: str) -> dict[str, Any]:
    """What the top of the page says of one study."""
    return {
        "label": label,
        "title": results.study.title,
        "question": results.study.question,
        "answer": headline(results) or _NO_ANSWER,
        "link": link,
        "warnings": warnings(results),
    }
