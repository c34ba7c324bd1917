"""Results whose every number stands in the test: curves, bills and queries written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.storage.ledger import Bill, charge, tuning_seconds
from bench.study.schema import Claim, parse_study
from reports.analysis import Analysis

PRIMARY = "nDCG@10"
ENTRIES = {"loss": "static-margin", "teacher": "none", "student": "s", "sampler": "uniform"}
EACH = 100
"""Examples from one evaluation point to the next, unless a run says otherwise."""


@dataclass(frozen=True)
class Run:
    """One final run.

    Attributes:
        dev: on dev-curve by point; or by point and query, and the curve is then of their means.
        bills: (phase, what, seconds), training aside.
        seconds: of training, from one point to the next.
        each: examples from one point to the next.
        select: on dev-select by point; as on dev-curve unless it says otherwise.
        test: by part, its queries' values.
    """

    dev: Sequence[Any]
    bills: Sequence[tuple[str, str, float]] = ()
    seconds: float = 10.0
    each: int = EACH
    select: Sequence[float] = ()
    test: Mapping[str, Sequence[float]] = field(default_factory=lambda: {"test": (0.5, 0.7)})
    stopped: str | None = None
    status: str = "done"
    labels: float | None = None

    @property
    def curve(self) -> list[float]:
        means = [sum(at) / len(at) if isinstance(at, Sequence) else at for at in self.dev]
        return [float(mean) for mean in means]

    @property
    def by_query(self) -> bool:
        return isinstance(self.dev[0], Sequence)

    def spent(self) -> list[Bill]:
        trained = Bill("train", "run", self.seconds * (len(self.dev) - 1))
        return [*(Bill(*bill) for bill in self.bills), trained]


Arms = Mapping[str, Sequence[Run] | Mapping[int, Run]]
Trials = Mapping[str, Sequence[Sequence[tuple[str, str, float]]]]


def make(
    arms: Arms,
    *,
    trials: Trials | None = None,
    subsets: Mapping[float, Arms] | None = None,
    tests: Sequence[str] = ("test",),
    schedule: str = "constant",
    **comparison: Any,
) -> Analysis:
    """The study of these arms, the first of them the baseline; seeds are 1, 2, … or keys.

    Args:
        trials: of each arm the bills of every trial.
        subsets: the arms again, by the share of the train queries that they were given.
        comparison: the study's ``comparison``.
    """
    subsets = subsets or {}
    study = parse_study(
        {
            "name": "by-hand",
            "title": "By hand",
            "collection": "pydocs",
            "budget": {"examples": 400},
            "training": {"schedule": schedule},
            "measures": [PRIMARY],
            "seeds": sorted({seed for runs in arms.values() for seed in _seeded(runs)}) or [1],
            "test": list(tests),
            "train_shares": [*subsets, 1.0],
            "baseline": next(iter(arms)),
            "arms": [{"name": name, "loss": "static-margin"} for name in arms],
            "comparison": comparison,
        },
        "test",
    )
    tables = {share: _tables(given, {}, share) for share, given in subsets.items()}
    return Analysis(
        Path(),
        study,
        **_tables(arms, trials or {}, 1.0),
        subsets={share: Analysis(Path(), study, **given) for share, given in tables.items()},
    )


def claiming(results: Analysis, *claims: Mapping[str, Any], matching: str = "") -> Analysis:
    """The results of a study with these claims, of arm a unless they say otherwise."""
    made = [Claim(**{"says": "s", "arm": "a", **claim}) for claim in claims]
    comparison = results.study.comparison.model_copy(update={"matching": matching})
    study = results.study.model_copy(update={"claims": made, "comparison": comparison})
    return replace(results, study=study)


def _tables(arms: Arms, trials: Trials, share: float) -> dict[str, pd.DataFrame]:
    summary: list[dict] = []
    curves: list[dict] = []
    ledger: list[dict] = []
    queries: list[dict] = []
    dev: list[dict] = []
    for arm, runs in arms.items():
        tried = [[Bill(*bill) for bill in bills] for bills in trials.get(arm, ())]
        for number, bills in enumerate(tried):
            tuned = {**_labels(arm, "tuning", 1_000_000, share), "trial": number}
            summary.append({**tuned, **ENTRIES, "status": "done", "examples": None})
            ledger.extend(_bills(tuned, bills))
        for seed, run in _seeded(runs).items():
            label = _labels(arm, "final", seed, share)
            summary.append({**label, **ENTRIES, "status": run.status, "examples": None})
            if run.status != "done":
                continue
            summary[-1] |= _numbers(run, tried)
            curves.extend({**label, **row} for row in _curve(run))
            ledger.extend(_bills(label, run.spent()))
            queries.extend(
                {**label, "part": part, "query": f"q{at}", PRIMARY: value}
                for part, values in run.test.items()
                for at, value in enumerate(values)
            )
            dev.extend(
                {**label, "point": point, "query": f"d{at}", PRIMARY: value}
                for point, values in enumerate(run.dev if run.by_query else ())
                for at, value in enumerate(values)
            )
    tables = {"summary": summary, "curves": curves, "ledger": ledger}
    keys = list(_labels("", "", 0, share))
    frames = {**tables, "queries": queries, "dev": dev}
    return {
        name: pd.DataFrame(rows, columns=None if rows else keys) for name, rows in frames.items()
    }


def _seeded(runs: Sequence[Run] | Mapping[int, Run]) -> Mapping[int, Run]:
    return runs if isinstance(runs, Mapping) else dict(enumerate(runs, start=1))


def _labels(arm: str, role: str, seed: int, share: float) -> dict[str, Any]:
    return {"arm": arm, "role": role, "trial": 0, "seed": seed, "train_share": share}


def _bills(labels: dict[str, Any], bills: Iterable[Bill]) -> list[dict[str, Any]]:
    return [{**labels, **bill.record()} for bill in bills]


def _numbers(run: Run, tried: list[list[Bill]]) -> dict[str, Any]:
    """What the summary has of a run, summed as `bench.results` sums it."""
    own = run.spent()
    return {
        "examples": run.each * (len(run.dev) - 1),
        "labels": run.labels,
        "train_queries": None if run.labels is None else run.labels / 2,
        "train_seconds": charge(own, "train"),
        "cold_seconds": charge(own, "cold"),
        "warm_seconds": charge(own, "warm"),
        "tuned_seconds": charge(own, "tuned") + tuning_seconds(own, tried),
        "stopped": run.stopped,
        **{
            PRIMARY if part == "test" else f"{PRIMARY} ({part})": sum(values) / len(values)
            for part, values in run.test.items()
        },
    }


def _curve(run: Run) -> list[dict[str, Any]]:
    select = run.select or run.curve
    return [
        {
            "point": point,
            "examples": run.each * point,
            "steps": point,
            "train_seconds": run.seconds * point,
            PRIMARY: value,
            f"dev-select {PRIMARY}": select[point],
        }
        for point, value in enumerate(run.curve)
    ]
