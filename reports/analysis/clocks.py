"""Warnings of clocks that do not compare."""

from __future__ import annotations

from collections.abc import Iterator

from bench.results import PACE, TENTHS
from bench.storage.clocks import ARTIFACT_PHASES
from reports.analysis.base import Analysis
from reports.analysis.selectors import final_runs
from reports.formatting import named, plain

LOADED = 0.1
"""By so much the reference step may differ within a run, or between runs on one machine."""

SLOWER = 1.3
"""Times as long as at the end a step may take at the beginning."""

UNEQUAL = 0.1
"""How much longer an arm's slowest run may take than its fastest."""


def unequal_clocks(results: Analysis) -> Iterator[str]:
    """A sentence for each reason not to compare seconds."""
    yield from _devices(results)
    yield from _pace(results)
    yield from _warm(results)
    yield from _equal_work(results)


def _devices(results: Analysis) -> Iterator[str]:
    """Artifacts that were made on another device, or with other threads, than runs were trained."""
    bills = results.ledger
    trained = set(bills.loc[bills["phase"] == "train", "device"])
    # Plain "cpu" is what reads texts and never computes with a model.
    made = set(bills.loc[bills["phase"].isin(ARTIFACT_PHASES), "device"]) - {"cpu"}
    if trained and made - trained:
        listed = [" and ".join(sorted(map(plain, some))) for some in (made - trained, trained)]
        yield (
            f"Artifacts were made on {listed[0]}, and runs trained on {listed[1]}: the cold, warm "
            "and tuned clocks add seconds of both, which do not compare."
        )


def _pace(results: Analysis) -> Iterator[str]:
    """Clocks that were taken while the machine did something else, or at different speeds."""
    start, end = PACE
    runs = final_runs(results).reindex(columns=["arm", "seed", "environment", start, end])
    known = runs.dropna(subset=[start, end])
    ratios = known[[start, end]].max(axis=1) / known[[start, end]].min(axis=1)
    loaded = known[ratios > 1 + LOADED]
    if len(loaded):
        which = ", ".join(
            f"{named(arm)} (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})"
            for arm, seeds in loaded.groupby("arm", sort=False)["seed"]
        )
        yield (
            f"The machine did other work while {len(loaded)} of {len(known)} final runs were "
            f"timed, or changed its speed: a reference step took up to {ratios.max():.2f} times as "
            f"long at one end of a run as at the other. Their seconds do not compare: {which}."
        )
    for _, same in known.groupby("environment"):
        means = same[[start, end]].mean(axis=1)
        if means.max() > (1 + LOADED) * means.min():
            slowest, fastest = same.loc[means.idxmax()], same.loc[means.idxmin()]
            yield (
                "The machine was not equally fast for all final runs: a reference step took "
                f"{means.max() / means.min():.2f} times as long for {named(slowest['arm'])} (seed "
                f"{slowest['seed']}) as for {named(fastest['arm'])} (seed {fastest['seed']})."
            )


def _warm(results: Analysis) -> Iterator[str]:
    """Runs whose first steps took longer: whoever comes first has paid for something."""
    first, last = TENTHS
    runs = final_runs(results).reindex(columns=["arm", "seed", first, last])
    ratios = runs[first] / runs[last]
    if slow := int((ratios > SLOWER).sum()):
        worst = runs.loc[ratios.idxmax()]
        run = f"{named(worst['arm'])}, seed {worst['seed']}"
        yield (
            f"{slow} of {ratios.notna().sum()} final runs began slowly: a step of the first tenth "
            f"took up to {ratios.max():.2f} times as long as one of the last (of {run}). Whoever "
            "came first may have paid for it."
        )


def _equal_work(results: Analysis) -> Iterator[str]:
    """Runs of one arm that did the same and took unequal time."""
    columns = ["arm", "train_share", "steps", "environment", "train_seconds"]
    runs = final_runs(results).reindex(columns=columns).query("train_seconds > 0")
    spans = runs.groupby(columns[:-1], sort=False)["train_seconds"].agg(["min", "max"])
    ratios = (spans["max"] / spans["min"]).groupby("arm", sort=False).max()
    unequal = ratios[ratios > 1 + UNEQUAL]
    if len(unequal):
        listed = ", ".join(f"{named(arm)} ({ratio:.2f})" for arm, ratio in unequal.items())
        yield (
            f"Equal work took unequal time: the slowest run of an arm took this many times as long "
            f"as its fastest: {listed}. Differences of seconds that are no larger say nothing."
        )
