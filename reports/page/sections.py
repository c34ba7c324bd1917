"""The parts of a page, each with its figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.page.template import Picture
from reports.tables.base import Table

SECTIONS = {
    "Results": ["claims", "results", "comparison"],
    "Reaching the baseline": ["to-target", "speed", "speed-by-trials"],
    "Data": ["data-shares", "data-fraction"],
    "Students and teachers": ["retention", "geometry", "theory"],
    "Sensitivity": ["margins", "sweeps", "bands", "transfer"],
    "Costs": ["charges", "tuning", "costs", "artifacts"],
}
"""The sections of a study's page with their tables; a figure names its section."""


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
class Section:
    """A part of a page.

    Attributes:
        panels: on the page of several studies, the figures that each of them has.
    """

    title: str
    figures: Sequence[Picture]
    tables: Sequence[Table]
    panels: Sequence[StudyPanels]


def sections_of(
    names: Mapping[str, Sequence[str]],
    tables: Sequence[Table],
    pictures: Sequence[Picture],
    panels: Sequence[StudyPanels] = (),
) -> list[Section]:
    """The sections that have something to show; ``names`` are those of each one's tables."""
    known = {table.name: table for table in tables}
    sections = [
        Section(
            title,
            [picture for picture in pictures if picture.section == title],
            [known[name] for name in names.get(title, ()) if name in known],
            [panel for panel in panels if panel.section == title],
        )
        for title in SECTIONS
    ]
    return [section for section in sections if section.figures or section.tables or section.panels]
