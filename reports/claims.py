"""What a study answers, in sentences, and what it says of a paper's claim."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from bench.results import Results
from bench.study import Claim
from reports.data_fraction import fractions_table
from reports.reading import arms, collection_name, final_runs, tested_points
from reports.remembering import remembered
from reports.retention import retention_table
from reports.speed import speed_table
from reports.statistics import FEWEST, Interval
from reports.targets import gain, read_curves, targets, to_target
from reports.wording import measure, named, plain, ratio, signed

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


@remembered
def verdicts(results: Results) -> list[Verdict]:
    """A verdict for each claim of a study whose set-up matches the claims' source."""
    study = results.study
    doubts = " ".join(doubtful(results)) if study.claims and study.comparison.matching else ""
    return [_verdict(results, claim, doubts) for claim in study.claims]


def _verdict(results: Results, claim: Claim, doubts: str) -> Verdict:
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
    """The whole interval, open to a side where runs were censored, on one side of the claim."""
    low = value.low if bound in ("", "≥") else -math.inf
    high = value.high if bound in ("", "≤") else math.inf
    if claim.at_least is not None:
        within, outside = low >= claim.at_least, high < claim.at_least
    else:
        assert claim.at_most is not None
        within, outside = high <= claim.at_most, low > claim.at_most
    return SUPPORTED if within else NOT_SUPPORTED if outside else UNDECIDED


def _measured(results: Results, claim: Claim) -> tuple[Interval, str, str]:
    """(value, bound, why there is none), of the headline's target."""
    if claim.quantity == "retention":
        return _retention(results, claim)
    if claim.quantity == "data-fraction":
        return _data_fraction(results, claim)
    against, clock = claim.against or results.study.baseline, claim.quantity
    quantity = "examples" if clock == "convergence" else clock.removesuffix("-speed-up")
    table = speed_table(results, against)
    rows = table[(table["arm"] == claim.arm) & (table["quantity"] == quantity)]
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


def _data_fraction(results: Results, claim: Claim) -> tuple[Interval, str, str]:
    if not results.subsets:
        return _UNKNOWN, "", "the study has no smaller shares of the train queries"
    table = fractions_table(results)
    why = (
        f"no seed got to {targets(results)[0]} on two shares in a row, or its labels are not known"
    )
    return _headline(results, table[table["arm"] == claim.arm], "fraction", why)


def _retention(results: Results, claim: Claim) -> tuple[Interval, str, str]:
    """The outer bounds of both intervals."""
    table = retention_table(results)
    rows = table[table["arm"] == claim.arm].copy()
    for end, choose in (("low", "min"), ("high", "max")):
        rows[end] = rows[[f"seeds {end}", f"queries {end}"]].agg(choose, axis=1, skipna=False)
    return _row(rows, "retention"), "", "its teacher was not measured"


def _headline(
    results: Results, rows: pd.DataFrame, column: str, why: str
) -> tuple[Interval, str, str]:
    rows = rows[rows["target"] == str(targets(results)[0])]
    return _row(rows, column), "" if rows.empty else str(rows["bound"].iloc[0]), why


def _row(rows: pd.DataFrame, column: str) -> Interval:
    if rows.empty:
        return _UNKNOWN
    return Interval(*(float(rows[name].iloc[0]) for name in (column, "low", "high")))


def doubtful(results: Results) -> Iterator[str]:
    """Why reaching the baseline's quality says little here, a sentence each; none where it does."""
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


def _teacher_below(results: Results) -> Iterator[str]:
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


def sentences(results: Results) -> list[str]:
    """What the study found, of the headline's target, a sentence for each arm or for several of
    which the same is true; no verdict in it."""
    study, target = results.study, str(targets(results)[0])
    runs = to_target(results)
    runs = runs[runs["target"] == target]
    if runs.empty:
        return []
    where = f"On {plain(collection_name(study))} with this set-up"
    if runs["quality"].isna().all():
        return [
            f"{where}, {named(study.baseline)} gained nothing on dev-curve by the end of its "
            "budget: there is no target on its scale, and no arm is faster or slower to it."
        ]
    table = speed_table(results)
    table = table[table["target"] == target]
    told: dict[str, list[str]] = {}
    goal = f"{target} of {named(study.baseline)}"
    for arm in arms(results):
        rows = table[table["arm"] == arm].set_index("quantity")
        if len(rows):
            said = _told(rows, runs[runs["arm"] == arm], goal)
            told.setdefault(said, []).append(named(arm))
    # Those that got there first; arms of which the same is true share a sentence.
    order = sorted(told, key=lambda said: said.startswith(MISSED))
    found = [f"{where}, {_listed(told[said])} {said}" for said in order]
    return [*found, *_baseline_itself(table)]


MISSED = "did not get to"
MOST_NAMES = 6


def _listed(names: list[str]) -> str:
    """``a, b and c``; of many the first, and how many more."""
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _told(rows: pd.DataFrame, runs: pd.DataFrame, goal: str) -> str:
    """What the arm did: rows of the speed table by quantity, and its runs to the target."""
    seeds = len(runs)
    if not runs["reached"].any():
        stopped = int(runs["stopped"].sum())
        cut = f", which patience cut short with {stopped} of {seeds} seeds" if stopped else ""
        return f"{MISSED} {goal} within the budget{cut}."
    at_once = int((runs["point"] == 0).sum())
    if at_once == seeds:
        return f"had {goal} before any training."
    first = f"reached {goal}{_counted(int(runs['reached'].sum()), seeds)}"
    if at_once:
        return f"{first}, with {at_once} of {seeds} seeds before any training: there is no ratio."
    examples, time = _times(rows.loc["examples"], False), _times(rows.loc["cold"], True)
    if not examples and not time:
        return f"{first}: too few runs of both were there in time for a ratio."
    comma = "" if runs["reached"].all() else ","
    return (
        f"{first}{comma} with {examples or 'an unknown share'} of its examples and in "
        f"{time or 'an unknown share'} of its time with everything charged."
    )


def _counted(reached: int, seeds: int) -> str:
    """`` with 2 of 3 seeds``; empty where all got there."""
    return "" if reached == seeds else f" with {reached} of {seeds} seeds"


def _baseline_itself(table: pd.DataFrame) -> Iterator[str]:
    """What the reader must know of a baseline that did not always get there."""
    for row in table.head(1).to_dict("records"):
        reached, seeds = row["baseline reached"], row["baseline seeds"]
        name = named(row["baseline"])
        if not reached:
            yield (
                f"{name} itself was not there at two evaluation points in a row with any seed: a "
                "ratio to it is a bound."
            )
        elif reached < seeds:
            yield f"{name} itself got there with {reached} of {seeds} seeds."


_WORDS = {"": "", "≥": "at least ", "≤": "at most "}
_TURNED = str.maketrans("≥≤", "≤≥")


def _times(row: pd.Series, inverse: bool) -> str:
    """``0.21 [0.14, 0.33]``, of a speed-up its inverse; empty where it is not known."""
    values, bound = [float(row[name]) for name in ("ratio", "low", "high")], str(row["bound"])
    if math.isnan(values[0]) or bound == "~":
        return ""
    if inverse:
        values = [1 / values[0], 1 / values[2], 1 / values[1]]
        bound = bound.translate(_TURNED)
    between = "" if math.isnan(values[1]) else f" [{ratio(values[1])}, {ratio(values[2])}]"
    return f"{_WORDS[bound]}{ratio(values[0])}{between}"
