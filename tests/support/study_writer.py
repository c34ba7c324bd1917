"""Small studies on disk, as `bench run` leaves them, with numbers made by a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.results import SIZES, SPEEDS, load_results
from bench.study.schema import parse_study
from reports.analysis import Analysis

MEASURES = ["nDCG@10", "RR@10", "R@100"]


@dataclass(frozen=True)
class Arm:
    """One arm: where its quality goes, what its artifacts cost, and which seeds failed.

    Attributes:
        tuned: whether it has the study's trials, or none.
        early: seeds that patience has ended.
    """

    name: str
    level: float = 0.6
    artifacts: Mapping[str, float] = field(default_factory=dict)
    failed: Sequence[int] = ()
    examples: int = 1000
    margin: float | None = None
    device: str = "cpu × 2"
    versions: str = "torch 2.13.0"
    student: str = "s"
    parameters: int = 22_000_000
    tuned: bool = True
    early: Sequence[int] = ()


ARMS = (
    Arm("margin-mse", 0.62, {"tokens 1": 3.0, "embeddings 2": 40.0}),
    Arm("adaptive-margin", 0.61, {"tokens 1": 3.0}),
    Arm("static-margin", 0.59, {"tokens 1": 3.0}, failed=(3,), margin=0.3),
)
REFERENCES = {"bm25": 0.58, "untrained": 0.45, "teacher": 0.85}
TEACHER_PARAMETERS = 110_000_000


@dataclass(frozen=True)
class Plan:
    """A study to be written: arms × (trials + seeds), and references.

    Attributes:
        nuisance: whether nuisance parameters are tuned too, and not the losses' options alone.
    """

    arms: Sequence[Arm] = ARMS
    seeds: Sequence[int] = (1, 2, 3)
    trials: int = 2
    points: int = 5
    baseline: str = "margin-mse"
    title: str = "Margins"
    schedule: str = "constant"
    pool: int = 0
    patience: int = 0
    nuisance: bool = True


class Writer:
    """Writes a plan into a folder: a row of each table after the other."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.rows: list[dict] = []
        self.curves: list[dict] = []
        self.bills: list[dict] = []
        self.references: dict[str, dict[str, float]] = {}

    def write(self) -> Analysis:
        plan, folder = self.plan, self.folder
        parse_study(_study(plan), "test").write(folder / "study.toml")
        for name, level in REFERENCES.items():
            self._reference(name, level)
        for arm in plan.arms:
            for trial in range(plan.trials if arm.tuned else 0):
                self._run(arm, "tuning", trial, 1_000_000)
            for seed in plan.seeds:
                self._run(arm, "final", 0, seed)
        options = ["training.learning_rate"] if plan.trials and plan.nuisance else []
        options += ["loss.margin"] if plan.trials else []
        columns = [
            *("study", "arm", "role", "loss", "teacher", "student", "sampler", "trial", "seed"),
            *("status", *options, "examples", "steps"),
            *("train_seconds", "cold_seconds", "warm_seconds", "tuned_seconds", *SIZES, *SPEEDS),
            *(*MEASURES, "retention", "retention_of", "stopped"),
            *("unpriced", "environment", "run", "error"),
        ]
        pd.DataFrame(self.rows).reindex(columns=columns).to_csv(folder / "summary.csv", index=False)
        pd.DataFrame(self.curves).to_csv(folder / "curves.csv", index=False)
        pd.DataFrame(self.bills).to_csv(folder / "ledger.csv", index=False)
        return Analysis.of(load_results(folder))

    def _reference(self, name: str, level: float) -> None:
        run = f"reference-{name}"
        labels = {"arm": name, "role": "reference", "trial": -1, "seed": 0}
        counts = {"examples": 0, "steps": 0, "train_seconds": 0.0}
        clocks = {"cold_seconds": 0, "warm_seconds": 0}
        sizes = _footprint(TEACHER_PARAMETERS) if name == "teacher" else {"parameters": 0}
        measured = self.references[name] = self._queries(run, level, 0)
        row = {**labels, "status": "done", **counts, **clocks, **sizes, **measured, "run": run}
        self.rows.append(row)
        self.curves.append({**labels, "point": 0, **counts, **_dev(level, 0)})
        self._bill(labels, "evaluate", "reference", 2.0)

    def _run(self, arm: Arm, role: str, trial: int, seed: int) -> None:
        run = f"{role}-{self.plan.arms.index(arm)}-{trial}-{seed}"
        labels = {"arm": arm.name, "role": role, "trial": trial, "seed": seed}
        entries = {"loss": "static-margin", "teacher": "none", "sampler": "u"}
        entries["student"] = arm.student
        options = {"training.learning_rate": 3e-5, "loss.margin": arm.margin}
        row = {"study": "margins", **labels, **entries, **options, "run": run}
        self.rows.append(row)
        if role == "final" and seed in arm.failed:
            row |= {"status": "failed", "error": "TrainingError: the <loss> is not finite"}
            return
        rng = np.random.default_rng([seed % 1000 + trial, len(arm.name)])
        own, seconds = rng.normal(0, 0.01), 20 + 2 * rng.random()
        self._curve(labels, arm, own, seconds)
        for what, cost in arm.artifacts.items():
            self._bill(labels, "prepare", what, cost)
        for phase, cost in {"read": 0.5, "train": seconds, "evaluate": 4.0}.items():
            self._bill(labels, phase, "run", cost, arm.device)
        cold = seconds + sum(arm.artifacts.values())
        row |= {"status": "done", "examples": arm.examples, "steps": 30}
        row |= _footprint(arm.parameters)
        row |= {"train_seconds": seconds, "cold_seconds": cold, "warm_seconds": seconds + 0.5}
        row["stopped"] = "patience" if role == "final" and seed in arm.early else None
        row["environment"] = f"device {arm.device}, {arm.versions}"
        if role == "final":
            row["tuned_seconds"] = cold + self._trials(arm)
            measured = self._queries(run, arm.level + own, seed)
            kept = measured["nDCG@10"] / self.references["teacher"]["nDCG@10"]
            row |= {**measured, "retention": kept, "retention_of": "teacher"}

    def _curve(self, labels: dict, arm: Arm, own: float, seconds: float) -> None:
        for point in range(self.plan.points + 1):
            share = point / self.plan.points
            level = 0.45 + (arm.level - 0.45) * (1 - np.exp(-3 * share)) + own * share
            used = {"point": point, "examples": round(arm.examples * share), "steps": point}
            spent = {"train_seconds": seconds * share}
            self.curves.append({**labels, **used, **spent, **_dev(level, own)})

    def _bill(
        self, labels: dict, phase: str, what: str, seconds: float, device: str = "cpu × 2"
    ) -> None:
        amounts = {"examples": 0, "texts": 100, "tokens": 2500, "device": device, "reused": False}
        self.bills.append({**labels, "phase": phase, "what": what, "seconds": seconds, **amounts})

    def _trials(self, arm: Arm) -> float:
        return sum(
            bill["seconds"]
            for bill in self.bills
            if (bill["arm"], bill["role"]) == (arm.name, "tuning")
            and bill["phase"] in ("train", "evaluate")
        )

    def _queries(self, run: str, level: float, seed: int) -> dict[str, float]:
        """Write the per-query table; its means."""
        values = np.random.default_rng([seed, 7]).normal(level, 0.05, (20, len(MEASURES)))
        table = pd.DataFrame(values, columns=MEASURES)
        table.insert(0, "part", "test")
        table.insert(1, "query", [f"q{number}" for number in range(len(table))])
        (self.folder / "runs" / run).mkdir(parents=True)
        table.to_parquet(self.folder / "runs" / run / "queries.parquet", index=False)
        return table[MEASURES].mean().to_dict()


def _footprint(parameters: int) -> dict[str, float]:
    """What serving a model of that size takes; half of its parameters are embeddings."""
    counts = dict.fromkeys(("parameters", "trained_parameters", "query_parameters"), parameters)
    flops = {"query_flops": 10.0 * parameters, "document_flops": 200.0 * parameters}
    seconds = {"query_seconds": parameters / 1e10, "document_seconds": parameters / 1e9}
    return {**counts, "embedding_parameters": parameters / 2, **flops, **seconds}


def _study(plan: Plan) -> dict[str, Any]:
    space = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}
    return {
        "name": "margins",
        "title": plan.title,
        "question": "Which margin needs no teacher?",
        "collection": "pydocs",
        "budget": {"examples": 1000},
        "training": {"schedule": plan.schedule},
        "evaluation": {"pool": plan.pool, "patience": plan.patience},
        "tuning": {"trials": plan.trials, "space": space if plan.trials and plan.nuisance else {}},
        "seeds": list(plan.seeds),
        "baseline": plan.baseline,
        "arms": [{"name": arm.name, "loss": "static-margin"} for arm in plan.arms],
    }


def _dev(level: float, own: float) -> dict[str, float]:
    halves = {"": level, "dev-select ": level + own / 2}
    return {f"{half}{name}": value for half, value in halves.items() for name in MEASURES}
