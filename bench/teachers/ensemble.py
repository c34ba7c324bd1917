"""Several teachers as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, MinLen

from bench import teachers
from bench.losses.signals import Signal
from bench.registry import EntryText
from bench.storage.files import digest
from bench.teachers.base import SignalSource, Teacher

if TYPE_CHECKING:
    from bench.context import Context
    from bench.triples.stream import DrawPlan


@teachers.register("ensemble", version=1)
@dataclass(frozen=True)
class Ensemble(Teacher):
    """The weighted mean of several teachers' scores.

    Any other signal comes from the first teacher that gives it.
    ``ensemble(teachers=["cross-encoder", "precomputed(path='scores.tsv')"], shares=[2.0, 1.0])``:
    each teacher is written as anywhere else. Without ``shares`` all are equal; they are divided by
    their sum, and a member with share 0 is not asked for scores. With
    ``ensemble(teachers=["cross-encoder", "late-interaction"], shares=[1.0, 0.0])`` the first gives
    the pairs' scores and the second the in-batch scores: the dual supervision of TAS-B.

    ``normalise`` changes each member's scores of a query's list [1+K], before the mean: ``none``
    leaves them as they are, so members must have the same units; ``standard`` is (x − mean) /
    standard deviation; ``min-max`` scales the list to [0, 1]. A list of equal scores becomes zeros.
    With K = 1, normalised scores only say which of the two documents a member prefers.

    Source: arXiv 2010.02666 for the mean of scores; arXiv 2104.06967 for dual supervision.
    """

    teachers: Annotated[tuple[str, ...], MinLen(1), EntryText(teachers.registry)]
    shares: tuple[Annotated[float, Ge(0)], ...] = ()
    normalise: Literal["none", "standard", "min-max"] = "none"

    def __post_init__(self) -> None:
        if self.shares and len(self.shares) != len(self.teachers):
            raise ValueError(f"{len(self.teachers)} teachers, but {len(self.shares)} shares")
        if self.shares and not 0 < sum(self.shares) < inf:
            raise ValueError("the sum of the shares must be a number above 0")
        _ = self.members  # so that wrong teachers are refused now

    @cached_property
    def members(self) -> tuple[tuple[float, Teacher], ...]:
        """Each teacher with its share; shares sum to 1."""
        shares = self.shares or (1.0,) * len(self.teachers)
        created = [teachers.create(text) for text in self.teachers]
        return tuple((share / sum(shares), one) for share, one in zip(shares, created, strict=True))

    def identifying_options(self) -> dict[str, Any]:
        options = super().identifying_options()
        del options["shares"]  # they are given with the teachers below
        members = [(share, member.specification) for share, member in self.members]
        return {**options, "teachers": members}

    def provides(self) -> frozenset[Signal]:
        given = frozenset().union(*(member.provides() for _, member in self.members))
        averaged = [member.provides() for share, member in self.members if share]
        scored = all(Signal.SCORES in provided for provided in averaged)
        return given if scored else given - {Signal.SCORES}

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        """Prepare the members from which a signal is needed."""
        prepared = [
            teachers.Member(share, signals, member.prepare(signals, plan, context))
            for (share, member), signals in zip(self.members, self._split(needs), strict=True)
            if signals
        ]
        return teachers.EnsembleSignals(tuple(prepared), self.normalise)

    def largest_score(self) -> float:
        if self.normalise == "standard":
            return inf
        largest = sum(share * one.largest_score() for share, one in self.members if share)
        return largest if self.normalise == "none" else 1.0

    def _split(self, needs: frozenset[Signal]) -> list[frozenset[Signal]]:
        """Which of the needed signals each member gives."""
        left = needs - {Signal.SCORES}
        split = []
        for share, member in self.members:
            signals = left & member.provides()
            left -= signals
            split.append(signals | (needs & {Signal.SCORES}) if share else signals)
        return split

    def models(self) -> list[str]:
        return [model for _, member in self.members for model in member.models()]

    def check(self) -> None:
        for _, member in self.members:
            member.check()

    def check_weights(self) -> None:
        for _, member in self.members:
            member.check_weights()

    def notes(self) -> list[str]:
        return [note for _, member in self.members for note in member.notes()]

    def weights(self) -> str:
        return digest([member.weights() for _, member in self.members])

    def unpriced(self) -> str | None:
        costs = [member.unpriced() for _, member in self.members]
        return "; ".join(dict.fromkeys(cost for cost in costs if cost)) or None
