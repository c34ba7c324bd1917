"""Plans a study: what is still to be done, and what it will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.context import Context
from bench.execution.forecast import Forecast, Preparation, Rates, prepared, run_seconds, scored
from bench.execution.jobs import Job, finals_of, list_jobs, trials_of
from bench.execution.optuna_storage import OptunaStorage
from bench.execution.references import References
from bench.execution.state import StudyState
from bench.storage.artifact_name import ArtifactName
from bench.storage.finished_run import FinishedRun
from bench.storage.ledger import Bill
from bench.students.base import Student
from bench.study.arms import Arm
from bench.study.schema import TUNING_SEEDS, Study
from bench.teachers.base import Teacher


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


def look_into(
    study: Study, arms: Sequence[Arm], context: Context, out: Path, storage: OptunaStorage
) -> StudyState:
    """The study's state in a folder, with every job that `bench run` would not do again finished.

    Raises:
        InputError: a record is damaged.
    """
    state = StudyState(study, arms, context, out, storage)
    for job, _, run in state.find_finished(list_jobs(study, arms)):
        state.finish(job, run)
    return state


def plan_arm(
    study: Study,
    arm: Arm,
    forecast: Forecast,
    finished: Mapping[Job, FinishedRun],
    share: float = 1.0,
) -> ArmPlan:
    """An arm's finished runs on a share of the train queries, and what the missing ones take."""
    tuning = trials_of(study, arm, share)
    finals = finals_of(study, arm, share)
    trials = sum(job not in finished for job in tuning)
    if tuning and not trials and all(finished[job].status != "done" for job in tuning):
        finals = []  # no trial to choose by
    seeds = [job.seed for job in finals if job not in finished]
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
    done = len(tuning) + len(finals) - trials - len(seeds)
    return ArmPlan(arm, share, done, trials, seeds, rates, run, missing)


def plan_references(
    study: Study,
    arms: Sequence[Arm],
    forecast: Forecast,
    finished: Mapping[Job, FinishedRun],
) -> list[ReferencePlan]:
    """The plans of all reference rows: BM25, every untrained student and every teacher."""
    plans = []
    for name, measured in References(arms):
        student = str(measured) if isinstance(measured, Student) else ""
        teacher = str(measured) if isinstance(measured, Teacher) else ""
        label = f"untrained {student}" if student else f"teacher {teacher}" if teacher else "bm25"
        past = forecast.reference(study, student, teacher)
        seconds = sum(sum(run.seconds.values()) for run in past) / len(past) if past else None
        bills = [bill for run in past for bill in run.bills]
        plans.append(ReferencePlan(label, Job("reference", name) in finished, seconds, bills))
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
