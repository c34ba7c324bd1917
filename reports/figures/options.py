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
class FigureOptions:
    """A wish; nothing of it touches a table, a test or an answer, which are of the whole study.

    Attributes:
        arms: names, or patterns such as ``static-*``; none for all, or as many as a reader can
            tell apart: the baseline, and those that are best on dev-select.
        measure: one of the study's; the primary one if it is not said.
        style: of `reports.style.STYLES`.
        font_size: points; the style's own if it is not said.
    """

    arms: Sequence[str] = ()
    measure: str = ""
    style: str = "paper"
    font_size: float | None = None

    def applied(self) -> AbstractContextManager[object]:
        """Draw within this. Raises InputError for a style or size that there is not."""
        return style.applied(self.style, self.font_size)

    def measured(self, results: Analysis) -> Analysis:
        """The study with the wished measure in the place of its primary one.

        What was chosen on dev-select stays chosen by the primary one. Raises InputError where the
        study has no such measure.
        """
        study = results.study
        if not self.measure or self.measure == study.primary:
            return results
        if self.measure not in study.measures:
            known = did_you_mean(self.measure, study.measures)
            raise InputError(f"{results.folder}: no measure {self.measure!r}{known}")
        return _by(results, self.measure)

    def rows(self, figure: Figure, results: Analysis, data: pd.DataFrame) -> pd.DataFrame:
        """The figure's data without the arms that it does not show."""
        kept = self._kept(figure, results, data)
        if "arm" not in data or not data["arm"].isin(kept).any():
            return data.iloc[:0]  # references alone are no figure
        hidden = set(arms(results)) - kept
        return data[~data["arm"].isin(hidden)] if hidden else data

    def note(self, figure: Figure, results: Analysis, data: pd.DataFrame) -> str:
        """What has to be said of it below the figure; empty where everything is as usual."""
        said = []
        if results.chosen_by not in ("", results.study.primary):
            chosen_by = f"{plain(results.chosen_by)} is what everything was chosen by"
            said.append(f"Shown by {plain(results.study.primary)}; {chosen_by}.")
        every = _arms_of(results, data)
        kept = self._kept(figure, results, data).intersection(every)
        if len(kept) < len(every) and not self.arms:
            said.append(
                f"{len(kept)} of {len(every)} arms: the baseline and those that are best on "
                "dev-select; the data has all of them."
            )
        return " ".join(said)

    def _kept(self, figure: Figure, results: Analysis, data: pd.DataFrame) -> set[str]:
        every = _arms_of(results, data)
        if self.arms:
            return self._asked(results)
        if len(every) <= figure.most:
            return set(every)
        best = _best(results, every)
        baseline = [arm for arm in best if arm == results.study.baseline]
        others = [arm for arm in best if arm != results.study.baseline]
        return {*baseline, *others[: figure.most - len(baseline)]}

    def _asked(self, results: Analysis) -> set[str]:
        return named_by(self.arms, arms(results), str(results.folder))


def named_by(written: Sequence[str], known: Sequence[str], where: str) -> set[str]:
    """The arms that names or patterns stand for, several of them between commas.

    Raises InputError for one that stands for none: there is no such arm ``where``.
    """
    found = set()
    for one in written:
        # A name may hold commas of its own.
        for pattern in [one] if _fitting(one, known) else one.split(","):
            if not (fitting := _fitting(pattern.strip(), known)):
                raise InputError(f"{where}: no arm {pattern!r}{did_you_mean(pattern, known)}")
            found |= fitting
    return found


def _fitting(pattern: str, known: Sequence[str]) -> set[str]:
    """The arm of that name, which may hold brackets of its own, or those like the pattern."""
    return {pattern} if pattern in known else {arm for arm in known if fnmatchcase(arm, pattern)}


def _by(results: Analysis, measure: str) -> Analysis:
    """The study, its shares too, as if it were another of its measures that it is about."""
    study = results.study.model_copy(update={"primary": measure})
    subsets = {share: _by(there, measure) for share, there in results.subsets.items()}
    chosen_by = results.chosen_by or results.study.primary
    return replace(results, study=study, subsets=subsets, chosen_by=chosen_by)


def _arms_of(results: Analysis, data: pd.DataFrame) -> list[str]:
    """The arms that a figure's data speak of, in the order of the study."""
    named = set(data["arm"]) if "arm" in data else set()
    return [arm for arm in arms(results) if arm in named]


def _best(results: Analysis, among: list[str]) -> list[str]:
    """By what their final runs reached on dev-select, the best first."""
    best = best_on_select(results)
    means = best[best["role"] == "final"].groupby("arm")["value"].mean()
    return sorted(among, key=lambda arm: -means.get(arm, -float("inf")))
