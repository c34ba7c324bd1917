"""Verdicts on papers' claims, and reasons to doubt a study's comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import pandas as pd

from bench.study.schema import Claim
from reports.analysis.base import Analysis, cached
from reports.analysis.data_fraction import fractions_table
from reports.analysis.retention import retention_table
from reports.analysis.selectors import final_runs, tested_points
from reports.analysis.speed import speed_table
from reports.analysis.statistics import FEWEST, Interval
from reports.analysis.targets import gain, read_curves, targets
from reports.formatting import measure, named, plain, signed

SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "undecided"

_UNKNOWN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Verdict:
    """A claim, and what was measured of it.

    Attributes:
        value: with its 95 % interval over seeds and queries; NaN where it is not known.
        bound: what the value is where runs were censored: ``≥``, ``≤``, ``~``; else empty.
        verdict: empty where none can be given, and ``why`` then says why.
    """

    claim: Claim
    value: Interval
    bound: str
    verdict: str
    why: str


@cached
def verdicts(results: Analysis) -> list[Verdict]:
    """A verdict for each claim of a study whose set-up matches the claims' source."""
    study = results.study
    doubts = (
        " ".join(reasons_for_doubt(results)) if study.claims and study.comparison.matching else ""
    )
    return [_verdict(results, claim, doubts) for claim in study.claims]


def _verdict(results: Analysis, claim: Claim, doubts: str) -> Verdict:
    value, bound, missing = _measured(results, claim)
    if not results.study.comparison.matching:
        why = "the set-up is not declared to match the source's"
    elif claim.quantity != "retention" and doubts:
        why = doubts
    elif math.isnan(value.mean):
        why = missing
    elif math.isnan(value.low):
        why = (
            f"there is no interval over seeds and queries: it takes {FEWEST} seeds, values by "
            "query, and an answer in nearly all resamples of them"
        )
    else:
        return Verdict(claim, value, bound, _decide(claim, value, bound), "")
    return Verdict(claim, value, bound, "", why)


def _decide(claim: Claim, value: Interval, bound: str) -> str:
    """The verdict on the whole interval, which is open to one side where runs were censored."""
    low = value.low if bound in ("", "≥") else -math.inf
    high = value.high if bound in ("", "≤") else math.inf
    least = -math.inf if claim.at_least is None else claim.at_least
    most = math.inf if claim.at_most is None else claim.at_most
    if least <= low and high <= most:
        return SUPPORTED
    return NOT_SUPPORTED if high < least or low > most else UNDECIDED


def claims_about(results: Analysis, quantities: Collection[str]) -> list[Claim]:
    """The study's claims about one of these quantities, as tables call them (`quantity_of`)."""
    return [claim for claim in results.study.claims if quantity_of(claim) in quantities]


def quantity_of(claim: Claim) -> str:
    """What tables call the claim's quantity: ``examples``, ``labels``, a clock or ``retention``."""
    names = {"convergence": "examples", "data-fraction": "labels"}
    return names.get(claim.quantity, claim.quantity.removesuffix("-speed-up"))


def bounds_text(claim: Claim, value: Callable[[float], str]) -> str:
    """``≥ 3``, ``≤ 0.135`` or ``3 to 15``, with each value as it is to be written."""
    texts = list(map(value, claim.bounds))
    if len(texts) > 1:
        return " to ".join(texts)
    return f"{'≤' if claim.at_least is None else '≥'} {texts[0]}"


def _measured(results: Analysis, claim: Claim) -> tuple[Interval, str, str]:
    """(value, bound, reason if there is no value) for the headline's target."""
    if claim.quantity == "retention":
        return _retention(results, claim)
    if claim.quantity == "data-fraction":
        return _data_fraction(results, claim)
    against = claim.against or results.study.baseline
    table = speed_table(results, against)
    rows = table[(table["arm"] == claim.arm) & (table["quantity"] == quantity_of(claim))]
    if results.study.training.schedule != "constant":
        why = "the learning rate decays: only the end of a run is a result"
    elif claim.arm == against:
        why = "an arm is not compared with itself"
    else:
        why = (
            f"there is no ratio: too few runs got to {targets(results)[0]} in time, or one was "
            "there before any training"
        )
    return _headline(results, rows, "ratio", why)


def _data_fraction(results: Analysis, claim: Claim) -> tuple[Interval, str, str]:
    if not results.subsets:
        return _UNKNOWN, "", "the study has no smaller shares of the train queries"
    table = fractions_table(results)
    why = (
        f"no seed got to {targets(results)[0]} on two shares in a row, or its labels are not known"
    )
    return _headline(results, table[table["arm"] == claim.arm], "fraction", why)


def _retention(results: Analysis, claim: Claim) -> tuple[Interval, str, str]:
    """The value with the outer bounds of its intervals over seeds and over queries."""
    table = retention_table(results)
    rows = table[table["arm"] == claim.arm].copy()
    for end, choose in (("low", "min"), ("high", "max")):
        rows[end] = rows[[f"seeds {end}", f"queries {end}"]].agg(choose, axis=1, skipna=False)
    return _row(rows, "retention"), "", "its teacher was not measured"


def _headline(
    results: Analysis, rows: pd.DataFrame, column: str, why: str
) -> tuple[Interval, str, str]:
    rows = rows[rows["target"] == str(targets(results)[0])]
    return _row(rows, column), "" if rows.empty else str(rows["bound"].iloc[0]), why


def _row(rows: pd.DataFrame, column: str) -> Interval:
    if rows.empty:
        return _UNKNOWN
    return Interval(*(float(rows[name].iloc[0]) for name in (column, "low", "high")))


def reasons_for_doubt(results: Analysis) -> Iterator[str]:
    """A sentence for each reason why reaching the baseline's quality says little here."""
    baseline, curves = results.study.baseline, read_curves(results)
    if not len(curves.rows(baseline)):
        return
    brought = gain(curves, baseline, curves.resampled())
    if brought.may_be_zero:
        found = f"{signed(brought.over_seeds.mean)} on dev-curve from before training to the end"
        found += _between(brought.over_seeds, "seeds") + _between(brought.over_queries, "queries")
        if brought.over_seeds.mean > 0:
            what, follows = "may have gained nothing", "Targets on its scale mean little."
        else:
            what, follows = "has gained nothing", "There is no target on its scale."
        yield f"The baseline {named(baseline)} {what}: {found}. {follows}"
    yield from _teacher_below(results)


def _between(value: Interval, over: str) -> str:
    if math.isnan(value.low):
        return ""
    return f", [{signed(value.low)}, {signed(value.high)}] over {over}"


def _teacher_below(results: Analysis) -> Iterator[str]:
    """A sentence where the best student is better on dev-curve than the baseline's teacher."""
    study, runs = results.study, final_runs(results)
    of_baseline = runs[runs["arm"] == study.baseline].reindex(columns=["retention_of"])
    teachers = of_baseline["retention_of"].dropna()
    points = results.curves
    taught = points[(points["role"] == "reference") & points["arm"].isin(teachers)][study.primary]
    if taught.empty:
        return
    tested = tested_points(results)
    students = tested[tested["role"] == "final"].groupby("arm")[study.primary].mean()
    best = students.idxmax()
    if students[best] > taught.iloc[0]:
        whose = "its own students" if best == study.baseline else f"the students of {named(best)}"
        yield (
            f"The teacher of the baseline ({plain(teachers.iloc[0])}) has "
            f"{measure(taught.iloc[0])} on dev-curve, less than {whose} with "
            f"{measure(students[best])}: the baseline learns from something worse than what it is "
            "compared with."
        )
