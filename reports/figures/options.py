"""What figures are asked to show: which arms, by which measure, in which style."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import pandas as pd

from bench.errors import InputError, did_you_mean
from reports import style
from reports.analysis.base import Analysis
from reports.analysis.selectors import arms, best_on_select
from reports.figures.base import Figure
from reports.formatting import plain


@dataclass(frozen=True)
class Selection:
    """What a figure shows of one study.

    Attributes:
        data: of all its arms; rows: of those that are shown.
        note: what must be said below the figure; empty where everything is as usual.
    """

    results: Analysis
    data: pd.DataFrame
    rows: pd.DataFrame
    note: str


@dataclass(frozen=True)
class FigureOptions:
    """Which arms, which measure, which style; tables and answers are always of the whole study.

    Attributes:
        arms: names, or patterns such as ``static-*``; none for all, or as many as a reader can
            tell apart: the baseline, and those that are best on dev-select.
        measure: one of the study's; left out, the primary one.
        style: of `reports.style.STYLES`.
        font_size: points; left out, the style's own.
    """

    arms: Sequence[str] = ()
    measure: str = ""
    style: str = "paper"
    font_size: float | None = None

    def style_context(self) -> AbstractContextManager[object]:
        """Draw within this. Raises InputError for a style or size that there is not."""
        return style.applied(self.style, self.font_size)

    def with_measure(self, results: Analysis) -> Analysis:
        """The study with this measure in the place of its primary one.

        What was chosen on dev-select stays chosen by the primary one. Raises InputError where the
        study has no such measure.
        """
        study = results.study
        if not self.measure or self.measure == study.primary:
            return results
        if self.measure not in study.measures:
            known = did_you_mean(self.measure, study.measures)
            raise InputError(f"{results.folder}: no measure {self.measure!r}{known}")
        return _with_measure(results, self.measure)

    def select(self, figure: Figure, results: Analysis) -> Selection | None:
        """What the figure shows of these results, if anything; they come from `with_measure`."""
        data = figure.data(results)
        kept = self._shown(figure, results, data)
        if "arm" not in data or not data["arm"].isin(kept).any():
            return None  # references alone are no figure
        hidden = set(arms(results)) - kept
        rows = data[~data["arm"].isin(hidden)] if hidden else data
        return Selection(results, data, rows, self._note(results, data, kept))

    def _note(self, results: Analysis, data: pd.DataFrame, kept: set[str]) -> str:
        said = []
        if results.chosen_by not in ("", results.study.primary):
            chosen_by = f"{plain(results.chosen_by)} is what everything was chosen by"
            said.append(f"Shown by {plain(results.study.primary)}; {chosen_by}.")
        every = _arms_of(results, data)
        shown = len(kept.intersection(every))
        if shown < len(every) and not self.arms:
            said.append(
                f"{shown} of {len(every)} arms: the baseline and those that are best on "
                "dev-select; the data has all of them."
            )
        return " ".join(said)

    def _shown(self, figure: Figure, results: Analysis, data: pd.DataFrame) -> set[str]:
        every = _arms_of(results, data)
        if self.arms:
            return match_arms(self.arms, arms(results), str(results.folder))
        if len(every) <= figure.most:
            return set(every)
        best = _best_first(results, every)
        baseline = [arm for arm in best if arm == results.study.baseline]
        others = [arm for arm in best if arm != results.study.baseline]
        return {*baseline, *others[: figure.most - len(baseline)]}


def match_arms(written: Sequence[str], known: Sequence[str], where: str) -> set[str]:
    """The known arms that fit names or patterns, of which commas may separate several.

    Raises InputError for a pattern that no arm fits; ``where`` begins its message.
    """
    found = set()
    for one in written:
        # A name may contain commas.
        for pattern in [one] if _fitting(one, known) else one.split(","):
            if not (fitting := _fitting(pattern.strip(), known)):
                raise InputError(f"{where}: no arm {pattern!r}{did_you_mean(pattern, known)}")
            found |= fitting
    return found


def _fitting(pattern: str, known: Sequence[str]) -> set[str]:
    """The arm of that name, which may contain brackets, or else those that match the pattern."""
    return {pattern} if pattern in known else {arm for arm in known if fnmatchcase(arm, pattern)}


def _with_measure(results: Analysis, measure: str) -> Analysis:
    """The study and its shares with another of its measures as the primary one."""
    study = results.study.model_copy(update={"primary": measure})
    subsets = {share: _with_measure(there, measure) for share, there in results.subsets.items()}
    chosen_by = results.chosen_by or results.study.primary
    return replace(results, study=study, subsets=subsets, chosen_by=chosen_by)


def _arms_of(results: Analysis, data: pd.DataFrame) -> list[str]:
    """The arms in a figure's data, in the order of the study."""
    named = set(data["arm"]) if "arm" in data else set()
    return [arm for arm in arms(results) if arm in named]


def _best_first(results: Analysis, among: list[str]) -> list[str]:
    """Sorted by what their final runs reached on dev-select, the best first."""
    best = best_on_select(results)
    means = best[best["role"] == "final"].groupby("arm")["value"].mean()
    return sorted(among, key=lambda arm: -means.get(arm, -float("inf")))
