"""What figures are asked to show of each of several studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reports.analysis.base import Analysis
from reports.analysis.selectors import arms
from reports.figures.base import Figure
from reports.figures.options import FigureOptions, Selection, match_arms


@dataclass(frozen=True)
class ComparisonOptions:
    """The options for several studies.

    Attributes:
        studies: by label, with the measure that is asked for in the place of their primary one.
        each: the options for each study, with those of the arms that it has; a study that has none
            of them is left out.
    """

    studies: Mapping[str, Analysis]
    each: Mapping[str, FigureOptions]

    @classmethod
    def of(cls, studies: Mapping[str, Analysis], shown: FigureOptions) -> ComparisonOptions:
        """Raises InputError for an arm that no study has, or a measure that one has not."""
        measured = {label: shown.with_measure(results) for label, results in studies.items()}
        known = {label: arms(results) for label, results in studies.items()}
        every = list(dict.fromkeys(arm for own in known.values() for arm in own))
        wanted = match_arms(shown.arms, every, " + ".join(studies))
        each = {}
        for label, own in known.items():
            names = [arm for arm in own if arm in wanted]
            if names or not shown.arms:
                each[label] = replace(shown, arms=names)
        return cls(measured, each)

    def select(self, figure: Figure) -> dict[str, Selection]:
        """What the figure shows of each study, by label, without those it shows nothing of."""
        found = {
            label: shown.select(figure, self.studies[label]) for label, shown in self.each.items()
        }
        return {label: selected for label, selected in found.items() if selected is not None}
