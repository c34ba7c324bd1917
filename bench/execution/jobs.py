"""The one list of what a study has to do, which running, planning and progress all read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.execution.references import References
from bench.storage.journal import Key
from bench.storage.records import Role
from bench.study.arms import Arm
from bench.study.schema import TUNING_SEEDS, Study


@dataclass(frozen=True)
class Job:
    """One run that a study wants: what it is for, not yet what exactly it trains.

    Attributes:
        arm: the arm's name; of a reference, its row's name.
        share: of the train queries that the run is given.
        trial: the number of the proposal that a tuning run tries; -1 for other roles.
        seed: of the run; 0 for a reference.
    """

    role: Role
    arm: str
    share: float = 1.0
    trial: int = -1
    seed: int = 0

    @property
    def key(self) -> Key:
        """As the journal writes it."""
        return self.role, self.arm, self.share, self.trial, self.seed

    def describe(self, trial: int = -1) -> str:
        """What it is, in a line.

        Args:
            trial: the number of the proposal that a final run has its options from.
        """
        if self.role == "reference":
            return f"{self.arm} · reference"
        share = f" · {self.share:.3g} of the train queries" if self.share < 1 else ""
        trial = self.trial if self.role == "tuning" else trial
        of_trial = f" · trial {trial}" if trial >= 0 else ""
        return f"{self.arm}{share} · {self.role}{of_trial} · seed {self.seed}"


def list_jobs(study: Study, arms: Sequence[Arm]) -> list[Job]:
    """All jobs of a study, in the order in which one process does them.

    Reference rows come first, then the trials arm by arm, then the final runs. The final runs of
    one seed are consecutive, in a random order for each seed, so that a machine that changes its
    speed does so for all arms alike.
    """
    jobs = [Job("reference", name) for name, _ in References(arms)]
    for arm in arms:
        for share in study.train_shares:
            jobs += trials_of(study, arm, share)
    finals = [
        job for arm in arms for share in study.train_shares for job in finals_of(study, arm, share)
    ]
    return jobs + sorted(finals, key=lambda job: (study.seeds.index(job.seed), _shuffled(job)))


def trials_of(study: Study, arm: Arm, share: float) -> list[Job]:
    """The tuning runs of an arm on a share of the train queries."""
    seed = TUNING_SEEDS + study.tuning.seed
    return [Job("tuning", arm.name, share, trial, seed) for trial in range(arm.trials)]


def finals_of(study: Study, arm: Arm, share: float) -> list[Job]:
    """The final runs of an arm on a share of the train queries."""
    return [Job("final", arm.name, share, seed=seed) for seed in study.seeds]


def _shuffled(job: Job) -> str:
    """A sort key that gives a random order of arms for each seed."""
    return hashlib.sha256(f"{job.seed} {job.arm} {job.share}".encode()).hexdigest()


class Agenda:
    """The jobs of a study that are still to be done, and which of them can begin.

    A trial begins when those before it are finished, if it depends on them. A final run begins
    when its arm's trials and the reference row of its teacher are finished.
    """

    def __init__(self, study: Study, arms: Sequence[Arm]) -> None:
        self._study = study
        self._arms = {arm.name: arm for arm in arms}
        self._references = References(arms)
        self._waiting = dict.fromkeys(list_jobs(study, arms))
        self._unfinished = set(self._waiting)

    def __len__(self) -> int:
        """How many jobs are not finished."""
        return len(self._unfinished)

    def waiting(self) -> Iterator[Job]:
        """Each job that is not begun, in order, if it can begin when its turn comes."""
        return filter(self._can_begin, list(self._waiting))

    def ready(self) -> Iterator[Job]:
        """Jobs that can begin, in order; each must be begun or dropped before the next is taken."""
        while job := next(self.waiting(), None):
            yield job

    def begin(self, job: Job) -> None:
        """A job is begun: it is ready no more."""
        del self._waiting[job]

    def finish(self, job: Job) -> None:
        """A job is finished."""
        self.drop([job])

    def drop(self, jobs: Iterable[Job]) -> None:
        """Jobs will not be done any more."""
        for job in jobs:
            self._waiting.pop(job, None)
            self._unfinished.discard(job)

    def _can_begin(self, job: Job) -> bool:
        return not any(needed in self._unfinished for needed in self._needs(job))

    def _needs(self, job: Job) -> list[Job]:
        """The jobs that must be finished before this one begins."""
        if job.role == "reference":
            return []
        arm = self._arms[job.arm]
        trials = trials_of(self._study, arm, job.share)
        if job.role == "tuning":
            return trials[: job.trial] if self._study.tuning.sequential else []
        teacher = self._references.against(arm)
        measured = [Job("reference", self._references.name(teacher))] if teacher else []
        return [*trials, *measured]
