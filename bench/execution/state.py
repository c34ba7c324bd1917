"""What a study has to do and what is finished of it: a function of its file and its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.context import Context
from bench.execution.choices import Choice, Choices
from bench.execution.jobs import Agenda, Job
from bench.execution.optuna_storage import OptunaStorage
from bench.execution.pruning import Pruning
from bench.execution.specifications import Specifications
from bench.storage.finished_run import FinishedRun
from bench.storage.journal import Journal
from bench.study.arms import Arm
from bench.study.schema import Study


class StudyState:
    """The state of a study in its folder. Reading it writes nothing.

    Attributes:
        journal: the finished runs in the folder.
        agenda: the jobs that are not finished.
        choices: the options of each arm's runs, by arm and share of the train queries.
        runs: the run of each finished job.
    """

    def __init__(
        self, study: Study, arms: Sequence[Arm], context: Context, out: Path, storage: OptunaStorage
    ) -> None:
        self.journal = Journal(out)
        self.agenda = Agenda(study, arms)
        self.specifications = Specifications(study, arms, context)
        self.choices = {
            (arm.name, share): Choices.of(study, arm, share, subset, storage)
            for arm in arms
            for share, subset in self.specifications.contexts.items()
        }
        self.runs: dict[Job, FinishedRun] = {}

    def choose(self, job: Job) -> Choice | None:
        """The options of a job's run; `None` if its arm has no trial to choose by.

        An arm may be asked for a new proposal, which is stored.
        """
        return Choice(-1, {}) if job.role == "reference" else self._choices_of(job).choose(job)

    def look_up(self, job: Job) -> Choice | None:
        """The same without new proposals; `None` as long as they are not known."""
        return Choice(-1, {}) if job.role == "reference" else self._choices_of(job).look_up(job)

    def id(self, job: Job, choice: Choice) -> str:
        """The id of a job's run."""
        return self.specifications.id(job, choice.options)

    def find_finished(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Choice, FinishedRun]]:
        """Those of the jobs whose runs are finished.

        Those that are passed to `finish` before the next one is asked for are taken into account:
        final runs are known if all trials are finished.
        """
        for job in jobs:
            choice = self.look_up(job)
            run = self.journal.find(self.id(job, choice)) if choice else None
            if choice and run:
                yield job, choice, run

    def finish(self, job: Job, run: FinishedRun) -> None:
        """Take note of a job's finished run."""
        self.runs[job] = run
        self.agenda.finish(job)
        if job.role != "reference":
            self._choices_of(job).note(job, run)

    def describe(self, job: Job, run: str) -> None:
        """Tell Optuna's tools which run a trial is."""
        if job.role == "tuning":
            self._choices_of(job).describe(job, run)

    def pruning(self, job: Job) -> Pruning | None:
        """What decides whether a run that begins now is pruned; `None` if nothing does."""
        return self._choices_of(job).pruning() if job.role == "tuning" else None

    def store(self, job: Job) -> None:
        """Store in Optuna's storage what a finished job is worth."""
        if job.role != "reference":
            self._choices_of(job).store(job)

    def _choices_of(self, job: Job) -> Choices:
        return self.choices[job.arm, job.share]
