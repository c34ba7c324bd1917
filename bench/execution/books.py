"""Keeps account of a study's finished runs: journal, tables, Optuna's storage, MLflow, progress."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.execution.announcements import outcome
from bench.execution.choices import Choice
from bench.execution.jobs import Job, list_jobs
from bench.execution.optuna_storage import STORAGE, OptunaStorage
from bench.execution.state import StudyState
from bench.execution.tracking import Tracker
from bench.progress import Countdown, say
from bench.results import Row, Tables
from bench.storage.files import atomic
from bench.storage.finished_run import FinishedRun
from bench.storage.links import write_links
from bench.storage.records import RunFolder
from bench.storage.study_progress import StudyProgress
from bench.study.schema import Study


class Books:
    """The accounts of a study that is carried out; only the coordinator writes to them.

    Attributes:
        tables: the study's tables.
        countdown: how many jobs there are, and how long they take.
        now, before: how many runs finished since this process began, and earlier.

    Args:
        storage: Optuna's storage.
        tracking_uri: MLflow's store; `None` tracks nothing.
    """

    def __init__(
        self,
        study: Study,
        out: Path,
        state: StudyState,
        storage: OptunaStorage,
        tracking_uri: str | None,
    ) -> None:
        self._study = study
        self._out = out
        self._state = state
        self._storage = storage
        self._tracker = Tracker(tracking_uri, study, out)
        jobs = list_jobs(study, list(state.specifications.arms.values()))
        places = {job: place for place, job in enumerate(_in_tables(jobs))}
        self.tables = Tables(out, study, lambda row: places[_job_of(row)])
        self.countdown = Countdown(len(jobs))
        self.now = 0
        self.before = 0

    def add(self, job: Job, choice: Choice, run: FinishedRun, before: bool) -> None:
        """Enter a finished run.

        Args:
            before: whether it was finished before this process began.
        """
        journal, row = self._state.journal, self._row(job, choice, run)
        journal.add(run)
        journal.assign(job.key, run.id)
        self.tables.add(row)
        self._state.finish(job, run)
        self._state.store(job)
        if before:
            self.before += 1
            self.countdown.skip()
        else:
            self.now += 1
            self.countdown.finish()
            self.write_progress()
            self._say_finished(job, choice, run)
        self._tracker.log_run(row)

    def write_progress(self) -> None:
        """Write how far the study is, for `bench status`."""
        countdown = self.countdown
        left = countdown.seconds_left()
        StudyProgress(countdown.done, countdown.jobs, left, time.time()).write(self._out)

    def link(self) -> None:
        """Write where the runs are in Optuna's storage and in MLflow."""
        every = self._state.choices.items()
        names = {arm: choices.proposals.name for (arm, _), choices in every}
        ids = self._storage.ids(names.values())
        if self._storage.is_elsewhere(self._out):  # reports read it in the folder
            with atomic(self._out / STORAGE) as aside:
                self._storage.copy_to(aside, names.values())
        studies = {arm: ids[name] for arm, name in names.items()}
        write_links(self._out, self._storage.shareable, studies, self._tracker.links())

    @property
    def tracked(self) -> bool:
        """Whether the runs are in MLflow."""
        return self._tracker.links() is not None

    def log_report(self, folder: Path) -> None:
        """Attach the report to the study in MLflow."""
        self._tracker.log_report(folder)

    def _row(self, job: Job, choice: Choice, run: FinishedRun) -> Row:
        specifications = self._state.specifications
        overrides: Mapping[str, Any] = {}
        if job.role != "reference":
            overrides = specifications.arms[job.arm].training_overrides
        return Row(
            arm=job.arm,
            role=job.role,
            trial=choice.trial,
            seed=job.seed,
            folder=RunFolder(self._out / "runs" / run.id),
            run=run,
            entries=specifications.entries(job, choice.options),
            options={**overrides, **choice.options},
            retains=specifications.teacher_row(job),
            train_share=job.share,
        )

    def _say_finished(self, job: Job, choice: Choice, run: FinishedRun) -> None:
        count = f"[{self.countdown.done}/{self.countdown.jobs}]"
        ended = outcome(run, self._study.primary, self.countdown.left())
        say(f"{count} {job.describe(choice.trial)} · {ended}")


def _in_tables(jobs: list[Job]) -> list[Job]:
    """The jobs in the order of tables: references, then arm by arm, trials before final runs."""
    arms = list(dict.fromkeys(job.arm for job in jobs if job.role != "reference"))

    def place(job: Job) -> tuple:
        if job.role == "reference":
            return (-1,)
        return arms.index(job.arm), job.share, job.role == "final"

    return sorted(jobs, key=place)


def _job_of(row: Row) -> Job:
    trial = row.trial if row.role == "tuning" else -1
    return Job(row.role, row.arm, row.train_share, trial, row.seed)
