"""The options that the runs of an arm are given: its proposals, then the best of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.context import Context
from bench.execution.jobs import Job
from bench.execution.optuna_storage import OptunaStorage
from bench.execution.proposals import Proposals
from bench.execution.pruning import Pruning
from bench.identity import identity
from bench.storage.finished_run import FinishedRun
from bench.study.arms import Arm
from bench.study.schema import Study


@dataclass(frozen=True)
class Choice:
    """The options of a run.

    Attributes:
        trial: the number of the proposal that gave them.
    """

    trial: int
    options: Mapping[str, Any]


@dataclass
class Choices:
    """The choices of one arm on one share of the train queries.

    Attributes:
        trials: its finished trials, by the number of the proposal.
        finals: its finished final runs, by seed.
    """

    study: Study
    arm: Arm
    share: float
    proposals: Proposals
    trials: dict[int, FinishedRun] = field(default_factory=dict)
    finals: dict[int, FinishedRun] = field(default_factory=dict)

    @classmethod
    def of(
        cls, study: Study, arm: Arm, share: float, context: Context, storage: OptunaStorage
    ) -> Choices:
        """The choices of an arm.

        Args:
            context: with the share of the train queries.
        """
        depends_on = {
            "collection": context.collection.fingerprint,
            "budget": identity(study.budget),
            "evaluation": identity(study.evaluation),
            "select_by": study.primary,
        }
        return cls(study, arm, share, Proposals(storage, study, arm, depends_on))

    def choose(self, job: Job) -> Choice | None:
        """The options of a tuning or final run; `None` if no trial has a value to choose by.

        A new proposal is stored before this returns.
        """
        if job.role == "tuning":
            return Choice(job.trial, self.proposals.get(job.trial))
        best = self.best()
        return None if best is None else Choice(best, self._options(best))

    def look_up(self, job: Job) -> Choice | None:
        """The same without new proposals; `None` as long as it is not known."""
        number: int | None = job.trial
        if job.role == "final":
            number = self.best() if len(self.trials) == self.arm.trials else None
        if number is None:
            return None
        options = self.proposals.look_up(number) if self.arm.trials else {}
        return None if options is None else Choice(number, options)

    def best(self) -> int | None:
        """The number of the best trial, the earliest of equals; 0 if nothing is tuned."""
        if not self.arm.trials:
            return 0
        values = {number: value(run) for number, run in sorted(self.trials.items())}
        finished = {number: value for number, value in values.items() if value is not None}
        return max(finished, key=finished.__getitem__) if finished else None

    def pruning(self) -> Pruning | None:
        """What decides whether a trial that begins now is pruned."""
        return self.proposals.pruning()

    def describe(self, job: Job, run: str) -> None:
        """Tell Optuna's tools which run a trial is."""
        self.proposals.describe(job.trial, run=run, seed=job.seed, train_share=self.share)

    def note(self, job: Job, run: FinishedRun) -> None:
        """Take note of a finished run."""
        if job.role == "tuning":
            self.trials[job.trial] = run
        else:
            self.finals[job.seed] = run

    def store(self, job: Job) -> None:
        """Store in Optuna's storage what a finished run, which was noted, is worth."""
        if job.role == "tuning":
            run = self.trials[job.trial]
            error, pruned = run.record.get("error"), run.status == "pruned"
            self.proposals.tell(job.trial, value(run), pruned, error, _selects(run))
        elif not self.arm.trials and len(self.finals) == len(self.study.seeds):
            self._record_fixed()

    def _record_fixed(self) -> None:
        finals = [self.finals[seed] for seed in self.study.seeds]
        values = [one for one in map(value, finals) if one is not None]
        mean = float(np.mean(values)) if len(values) == len(finals) else None
        ids = [run.id for run in finals]
        self.proposals.record_fixed(mean, runs=ids, seeds=self.study.seeds)

    def _options(self, number: int) -> dict[str, Any]:
        return self.proposals.get(number) if self.arm.trials else {}


def value(run: FinishedRun) -> float | None:
    """The run's value on dev-select; `None` if it failed or was pruned."""
    return float(run.record["select"]) if run.status == "done" else None


def _selects(run: FinishedRun) -> list[tuple[int, float]]:
    """(examples, value on dev-select) at each evaluation point; none of a run that failed."""
    examples = [point["examples"] for point in run.curve]
    return list(zip(examples, run.record.get("selects", []), strict=False))
