"""What is to be shown of each of several studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.selectors import arms
from reports.figures.base import Figure
from reports.figures.options import FigureOptions, named_by


@dataclass(frozen=True)
class StudyFigure:
    """What a figure shows of one study.

    Attributes:
        data: of all its arms; rows: of those that are shown.
        note: what has to be said of that.
    """

    label: str
    results: Analysis
    data: pd.DataFrame
    rows: pd.DataFrame
    note: str


@dataclass(frozen=True)
class ComparisonOptions:
    """A wish for several studies.

    Attributes:
        studies: by label, with the wished measure in the place of their primary one.
        each: the wish for each study: of the arms those that it has.
    """

    shown: FigureOptions
    studies: Mapping[str, Analysis]
    each: Mapping[str, FigureOptions]

    @classmethod
    def of(cls, studies: Mapping[str, Analysis], shown: FigureOptions) -> ComparisonOptions:
        """Raises InputError for an arm that no study has, or a measure that one has not."""
        measured = {label: shown.measured(results) for label, results in studies.items()}
        known = {label: arms(results) for label, results in studies.items()}
        every = list(dict.fromkeys(arm for own in known.values() for arm in own))
        wanted = named_by(shown.arms, every, " + ".join(studies))
        each = {}
        for label, own in known.items():
            names = [arm for arm in own if arm in wanted]
            if names or not shown.arms:
                each[label] = replace(shown, arms=names)
        return cls(shown, measured, each)

    def drawn(self, figure: Figure) -> list[StudyFigure]:
        """The studies that the figure has something to show of."""
        found = []
        for label, shown in self.each.items():
            results = self.studies[label]
            data = figure.data(results)
            rows = shown.rows(figure, results, data)
            if len(rows):
                note = shown.note(figure, results, data)
                found.append(StudyFigure(label, results, data, rows, note))
        return found
