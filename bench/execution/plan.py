"""Plans a study: what is still to be done, and what it will take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.execution.forecast import Forecast, Preparation, Rates, prepared, run_seconds, scored
from bench.execution.references import References
from bench.identity import identity
from bench.results import read_study, read_summary
from bench.storage.artifact_name import ArtifactName
from bench.storage.ledger import Bill
from bench.storage.records import FINISHED
from bench.study.arms import Arm, resolve_arms
from bench.study.schema import TUNING_SEEDS, Study


@dataclass(frozen=True)
class ArmPlan:
    """What is still to be done for an arm, on one share of the train queries.

    Attributes:
        done: how many of its runs are finished.
        trials: how many tuning runs are missing.
        seeds: of the missing final runs.
        rates: what similar runs took; `None` if there are none.
        run: seconds of a final run, by part of its work; `None` if a part is unknown.
        missing: seconds of all missing runs, likewise.
    """

    arm: Arm
    share: float
    done: int
    trials: int
    seeds: list[int]
    rates: Rates | None
    run: dict[str, float] | None
    missing: dict[str, float] | None

    @property
    def to_come(self) -> int:
        return self.trials + len(self.seeds)


@dataclass(frozen=True)
class ReferencePlan:
    """A reference row.

    Attributes:
        seconds: that measuring it takes; `None` if unknown.
        bills: of the artifacts that it needs.
    """

    label: str
    done: bool
    seconds: float | None
    bills: list[Bill]


@dataclass(frozen=True)
class FolderState:
    """What a study's folder already contains.

    Attributes:
        study: the study as it was last run.
        rows: of finished runs in summary.csv.
    """

    study: Study
    arms: dict[str, Arm]
    rows: list[dict[Any, Any]]


def load_before(out: Path) -> FolderState | None:
    """What the folder contains; `None` if no run in it is finished.

    Raises:
        InputError: it cannot be read.
    """
    if not (out / "study.toml").is_file() or not (out / "summary.csv").is_file():
        return None
    summary, study = read_summary(out), read_study(out)
    arms = {arm.name: arm for arm in resolve_arms(study)}
    rows = summary.loc[summary["status"].isin(FINISHED), _NEEDED]
    return FolderState(study, arms, rows.astype(object).fillna("").to_dict("records"))


_NEEDED = ["arm", "role", "trial", "seed", "train_share", "status", "teacher", "student", "run"]


REFERENCES_NEED = ("collection", "evaluation", "test", "test_collections")
RUNS_NEED = (*REFERENCES_NEED, "budget", "training", "tuning", "primary")
"""Keys of a study on which its reference rows and its runs depend."""


def alike(one: Study, other: Study, keys: Iterable[str]) -> bool:
    """Whether two studies agree in these keys, apart from values that no run depends on."""
    return all(identity(getattr(one, key)) == identity(getattr(other, key)) for key in keys)


def plan_arm(
    study: Study, arm: Arm, forecast: Forecast, before: FolderState | None, share: float = 1.0
) -> ArmPlan:
    """An arm's finished runs on a share of the train queries, and what the missing ones take."""
    rows = []
    old = before.arms.get(arm.name) if before else None
    parts = ("loss", "teacher", "student", "sampler", "space", "training_overrides")
    if before and old and all(getattr(old, part) == getattr(arm, part) for part in parts):
        own = (arm.name, share)
        rows = [row for row in before.rows if (row["arm"], row["train_share"]) == own]
        rows = rows if alike(before.study, study, RUNS_NEED) else []
    tuned = {row["trial"]: row["status"] for row in rows if row["role"] == "tuning"}
    trained = {row["seed"] for row in rows if row["role"] == "final"}
    trials = len(set(range(arm.trials)) - tuned.keys())
    hopeless = arm.trials and not trials and "done" not in tuned.values()  # no trial to choose
    wanted = [] if hopeless else study.seeds
    seeds = [seed for seed in wanted if seed not in trained]
    rates = forecast.rates(study, arm)
    run = run_seconds(study, arm, rates, final=True) if rates else None
    trial = run_seconds(study, arm, rates, final=False) if rates else None
    missing = None
    if not trials and not seeds:
        missing = {}
    elif trial and (run or not seeds):
        missing = {
            part: trials * trial.get(part, 0.0) + len(seeds) * (run or {}).get(part, 0.0)
            for part in {**trial, **(run or {})}
        }
    done = arm.trials + len(wanted) - trials - len(seeds)
    return ArmPlan(arm, share, done, trials, seeds, rates, run, missing)


def plan_references(
    study: Study, arms: Sequence[Arm], forecast: Forecast, before: FolderState | None
) -> list[ReferencePlan]:
    """The plans of all reference rows: BM25, every untrained student and every teacher."""
    references = References(arms)
    wanted = [("", "")]
    wanted += [(student, "") for student in references.students]
    wanted += [("", teacher) for teacher in references.teachers]
    done = set()
    if before and alike(before.study, study, REFERENCES_NEED):
        done = {
            (row["student"], row["teacher"]) for row in before.rows if row["role"] == "reference"
        }
    plans = []
    for student, teacher in wanted:
        label = f"untrained {student}" if student else f"teacher {teacher}" if teacher else "bm25"
        past = forecast.reference(study, student, teacher)
        seconds = sum(sum(run.seconds.values()) for run in past) / len(past) if past else None
        bills = [bill for run in past for bill in run.bills]
        plans.append(ReferencePlan(label, (student, teacher) in done, seconds, bills))
    return plans


def preparations_of(
    study: Study,
    plans: Sequence[ArmPlan],
    references: Sequence[ReferencePlan],
    artifacts: Path,
) -> tuple[list[Preparation], list[str]]:
    """(artifacts to prepare, each once; names of arms for which they are unknown).

    They are unknown if no past run has the same sampler, and for shares of the train queries, which
    need artifacts of their own.
    """
    due: dict[ArtifactName, Preparation] = {}
    by_example: dict[tuple, Preparation] = {}
    unclear = []
    for reference in references:
        if not reference.done:
            due.update(prepared(reference.bills, artifacts))
    for plan in plans:
        if not plan.to_come:
            continue
        if plan.rates is None or not plan.rates.same_artifacts or plan.share < 1:
            unclear.append(plan.arm.name)
            continue
        bills = [bill for run in plan.rates.runs for bill in run.bills]
        due.update(prepared(bills, artifacts))
        seeds = [*plan.seeds, *([TUNING_SEEDS + study.tuning.seed] if plan.trials else [])]
        by_example.update(scored(study, plan.arm, plan.rates, seeds, artifacts))
    return [*due.values(), *by_example.values()], unclear
