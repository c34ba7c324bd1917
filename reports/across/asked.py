"""What is to be shown of each of several studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import pandas as pd

from bench.errors import InputError, did_you_mean
from bench.results import Results
from reports.figures.base import Figure
from reports.reading import arms
from reports.shown import Shown


@dataclass(frozen=True)
class Drawn:
    """What a figure shows of one study.

    Attributes:
        data: of all its arms; rows: of those that are shown.
        note: what has to be said of that.
    """

    label: str
    results: Results
    data: pd.DataFrame
    rows: pd.DataFrame
    note: str


@dataclass(frozen=True)
class Asked:
    """A wish for several studies.

    Attributes:
        studies: by label, with the wished measure in the place of their primary one.
        each: the wish for each study: of the arms those that it has.
    """

    shown: Shown
    studies: Mapping[str, Results]
    each: Mapping[str, Shown]

    @classmethod
    def of(cls, studies: Mapping[str, Results], shown: Shown) -> Asked:
        """Raises InputError for an arm that no study has, or a measure that one has not."""
        measured = {label: shown.measured(results) for label, results in studies.items()}
        known = {label: arms(results) for label, results in studies.items()}
        for pattern in shown.arms:
            if not any(_fits(arm, pattern) for own in known.values() for arm in own):
                names = {arm for own in known.values() for arm in own}
                raise InputError(f"no study has an arm {pattern!r}{did_you_mean(pattern, names)}")
        each = {}
        for label, own in known.items():
            patterns = [one for one in shown.arms if any(_fits(arm, one) for arm in own)]
            if patterns or not shown.arms:
                each[label] = replace(shown, arms=patterns)
        return cls(shown, measured, each)

    def drawn(self, figure: Figure) -> list[Drawn]:
        """The studies that the figure has something to show of."""
        found = []
        for label, shown in self.each.items():
            results = self.studies[label]
            data = figure.data(results)
            rows = shown.rows(figure, results, data)
            if len(rows):
                note = shown.note(figure, results, data)
                found.append(Drawn(label, results, data, rows, note))
        return found


def _fits(arm: str, pattern: str) -> bool:
    return arm == pattern or fnmatchcase(arm, pattern)
