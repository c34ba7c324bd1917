"""Carries out a study: trials of every arm, then final runs seed by seed. It survives any kill.

The coordinator decides what is done next, by what the run records say, and gives tasks to an
executor. It alone writes the study's tables and journal, and talks to Optuna and MLflow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.encoding.models import weights_digest
from bench.errors import first_line
from bench.evaluation.measured import is_measured
from bench.execution import executors
from bench.execution.announcements import first_lines, outcome
from bench.execution.choices import Choice
from bench.execution.comparability import find_caveats
from bench.execution.jobs import Job, finals_of, list_jobs
from bench.execution.model_checks import models_of
from bench.execution.onlooker import describe
from bench.execution.opening import open_context
from bench.execution.optuna_storage import STORAGE, check_storage, storage_of
from bench.execution.readiness import check_arms, check_study
from bench.execution.reuse import describe_changes, describe_outdated, find_outdated
from bench.execution.state import StudyState
from bench.execution.task import Task
from bench.execution.tracking import Tracker
from bench.progress import Countdown, narrate, say
from bench.results import AGREEMENT, Row, Tables
from bench.storage.artifacts import Artifacts
from bench.storage.caveats import Caveats
from bench.storage.claims import Claims
from bench.storage.files import atomic, remove_leftovers
from bench.storage.finished_run import FinishedRun
from bench.storage.links import write_links
from bench.storage.locks import report_lock, study_lock
from bench.storage.records import RunFolder
from bench.storage.run_progress import RunProgress
from bench.storage.study_progress import StudyProgress
from bench.study.arms import resolve_arms
from bench.study.schema import Study

if TYPE_CHECKING:
    from bench.execution.executors import Completion, Executor

POLL = 0.5
"""Seconds to wait for a task before looking at everything else again."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended.

    Attributes:
        failed: the failed runs.
        done_now, done_before: how many runs finished now and before, failed ones included.
        others: how many runs in the folder belong to other studies, or to earlier versions of it.
    """

    failed: list[Row]
    done_now: int
    done_before: int
    others: int


@dataclass(frozen=True)
class Assignment:
    """A job that was begun.

    Attributes:
        choice: the options of its run.
        before: whether its run was finished before, and only a measure is missing.
    """

    job: Job
    choice: Choice
    before: bool


class Coordinator:
    """Carries out one study in one folder.

    Args:
        out: the study's folder.
        artifacts: the folder of artifacts, which studies share.
        tracking_uri: MLflow's store; `None` tracks nothing.
        retry_failed: try runs that are recorded as failed again.
        storage: the URL of Optuna's storage; by default, a file in the study's folder.
    """

    def __init__(
        self,
        study: Study,
        out: Path,
        artifacts: Path,
        tracking_uri: str | None,
        retry_failed: bool = False,
        storage: str | None = None,
    ) -> None:
        self.study = study
        self.out = out
        self.arms = check_study(study)
        self._artifacts = Artifacts(artifacts)
        self._tracking_uri = tracking_uri
        self._retry_failed = retry_failed
        self._storage = storage_of(out, storage)
        self._stored_elsewhere = storage is not None
        self._assigned: dict[str, list[Assignment]] = {}
        self._submitted: set[str] = set()
        self._now = 0
        self._before = 0

    def run(self, report: Callable[[], None] = lambda: None) -> Outcome:
        """Finish the study.

        Args:
            report: draws the report; it is called while the study's folder is locked.

        Raises:
            InputError: the collection or a model cannot be used.
            BusyError: another process works in the same folder.
        """
        narrate("opening the collection")
        self.context = open_context(self.study, self._artifacts)
        for arm in self.arms:
            for model in models_of(arm):
                weights_digest(model)  # fails now if a model is missing, before anything is written
        # Again, because models that were just downloaded may change defaults.
        self.arms = resolve_arms(self.study)
        check_arms(self.arms, self.out)
        caveats = self._caveats([])
        self.out.mkdir(parents=True, exist_ok=True)
        with study_lock(self.out) as self._lease:
            outcome = self._run(caveats)
            report()
            return outcome

    def _caveats(self, rows: list[Row]) -> Caveats:
        context = self.context
        return find_caveats(
            self.study, self.arms, context.collection, context.test_collections, rows
        )

    def _run(self, caveats: Caveats) -> Outcome:
        with report_lock(self.out):  # files that a running `bench report` writes are no leftovers
            remove_leftovers(self.out)
        check_storage(self.out)
        self._open_records()
        for line in (*caveats.warnings, *caveats.notes):
            say(f"note: {line}")
        caveats.write(self.out)
        self._carry_out()
        self._claims.drop()
        rows = self._tables.rows
        self._caveats(rows).write(self.out)  # again, now that the teachers' scores are known
        self._link()
        failed = [row for row in rows if row.run.status == "failed"]
        others = {path.name for path in (self.out / "runs").iterdir() if path.is_dir()}
        others -= {row.run.id for row in rows}
        return Outcome(failed, self._now, self._before, len(others))

    def _open_records(self) -> None:
        """Open everything that the study writes to, and tell what is there and what will be."""
        study, out = self.study, self.out
        self._state = StudyState(study, self.arms, self.context, out, self._storage)
        self._journal, self._specifications = self._state.journal, self._state.specifications
        runs = list(self._journal.all())
        differences = describe_changes(out, study, self.arms)
        outdated = find_outdated(runs, self._specifications.contexts.values(), study.tested)
        differences += describe_outdated(outdated, self.context)
        study.write(out / "study.toml")
        self._journal.begin(study.model_dump(mode="json"))
        for run in runs:
            self._journal.add(run)
        self._artifacts.claims = self._claims = Claims(self._artifacts.root, out)
        self._tracker = Tracker(self._tracking_uri, study, out)
        jobs = list_jobs(study, self.arms)
        places = {job: place for place, job in enumerate(_in_tables(study, jobs))}
        self._tables = Tables(out, study, lambda row: places[_job_of(row)])
        self._countdown = Countdown(len(jobs))
        for line in first_lines(study, self.arms, self.context):
            say(line)
        say(f"results: {out}")
        for line in differences:
            say(line)

    def _link(self) -> None:
        """Write where the runs are in Optuna's storage, a copy of which stays here, and MLflow."""
        names = {arm: choices.proposals.name for (arm, _), choices in self._state.choices.items()}
        ids = self._storage.ids(names.values())
        if self._stored_elsewhere:  # reports, and whoever has nothing but this folder, read it here
            with atomic(self.out / STORAGE) as aside:
                self._storage.copy_to(aside, names.values())
        studies = {arm: ids[name] for arm, name in names.items()}
        write_links(self.out, self._storage.shareable, studies, self._tracker.links())

    @property
    def tracked(self) -> bool:
        """Whether the runs are in MLflow."""
        return self._tracker.links() is not None

    def log_report(self, folder: Path) -> None:
        """Attach the report to the study in MLflow."""
        self._tracker.log_report(folder)

    # -- jobs ------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        """Do all jobs; at the end, or if that is stopped, the tables are complete."""
        try:
            self._take_finished()
            if len(self._state.agenda):
                self._execute_jobs()
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell
                self._tables.write()
            raise
        self._tables.write()

    def _narrate(self) -> None:
        """Show what other processes do just now."""
        begun = [RunProgress.read(self._folder(id)) for id in self._assigned]
        if begun:
            count = f"{self._countdown.done} of {self._countdown.jobs} runs finished"
            head = f"{count} · {len(begun)} in progress · {self._countdown.left()}"
            narrate("\n".join([head, *(f"  {describe(one)}" for one in begun if one)]))

    def _execute_jobs(self) -> None:
        """Have the jobs that are left carried out, as many at once as the executor can."""
        # Nothing that trains is loaded before it is needed.
        executor = executors.create_executor(self.study, self.arms, self.context, self.out)
        with closing(executor):
            while len(self._state.agenda):
                self._begin_ready(executor)
                completions = executor.completed(POLL)
                self._lease.check()  # else another process does the same meanwhile
                for completion in completions:
                    self._complete(completion, executor)
                self._tables.write_if_due()
                self._narrate()

    def _take_finished(self) -> None:
        """Take note of all jobs whose runs are finished, before any other is begun."""
        for job, choice, run in self._state.finished():
            if not self._is_retried(run) and self._is_measured(job, run):
                self._finish(Assignment(job, choice, before=True), run)

    def _begin_ready(self, executor: Executor) -> None:
        """Begin jobs as long as the executor has room."""
        for job in self._state.agenda.ready():
            if len(self._assigned) >= executor.slots:
                return
            if (choice := self._state.choose(job)) is None:
                self._give_up(job)
            else:
                self._begin(job, choice, executor)

    def _give_up(self, job: Job) -> None:
        """Drop the final runs of an arm that has no trial to choose by."""
        say(f"{job.arm}: every tuning trial failed, so it is not trained further")
        finals = finals_of(self.study, self._specifications.arms[job.arm], job.share)
        self._state.agenda.drop(finals)
        self._countdown.jobs -= len(finals)

    def _begin(self, job: Job, choice: Choice, executor: Executor) -> None:
        """Give a job's run to the executor, unless it is finished or given out already."""
        id = self._state.id(job, choice)
        self._state.agenda.begin(job)
        self._state.describe(job, id)
        if id in self._assigned:
            self._assigned[id].append(Assignment(job, choice, before=False))
            return
        run, tries = self._journal.find(id), 0
        if run is not None and self._is_retried(run):
            tries = run.tries
            self._folder(id).forget()
            run = None
        assignment = Assignment(job, choice, before=run is not None)
        if run is not None and self._is_measured(job, run):
            self._finish(assignment, run)
            return
        self._assigned[id] = [assignment]
        self._submitted.add(id)
        executor.submit(self._task(assignment, id, tries))

    def _is_retried(self, run: FinishedRun) -> bool:
        """Whether a finished run is tried again."""
        if run.status != "failed":
            return False
        again = self._retry_failed and run.id not in self._submitted
        return again or run.tries <= self.study.retries

    def _is_measured(self, job: Job, run: FinishedRun) -> bool:
        """Whether everything that the study measures is known of a finished run."""
        if run.status != "done":
            return True
        study, tests = self.study, self._specifications.tests(job)
        if self._teacher_run(job) and not set(AGREEMENT) <= run.columns:
            return False
        return is_measured(run, study.measures, tests, study.relevance)

    def _task(self, assignment: Assignment, id: str, tries: int) -> Task:
        job, choice = assignment.job, assignment.choice
        count = f"{self._countdown.done + len(self._assigned)} of {self._countdown.jobs}"
        return Task(
            job,
            title=f"run {count} · {job.describe(choice.trial)} · {self._countdown.left()}",
            run=id,
            options=choice.options,
            tries=tries,
            pruning=self._state.pruning(job),
            teacher=self._teacher_run(job),
        )

    def _teacher_row(self, job: Job) -> str:
        """The name of the reference row that a final run is compared with; empty for none."""
        teacher = self._specifications.against(job)
        return self._specifications.references.name(teacher) if teacher else ""

    def _teacher_run(self, job: Job) -> str | None:
        """The id of that row's run, if it is done."""
        run = self._state.runs.get(Job("reference", self._teacher_row(job)))
        return run.id if run is not None and run.status == "done" else None

    def _complete(self, completion: Completion, executor: Executor) -> None:
        """Take note of a task that has ended."""
        task = completion.task
        if completion.problem is not None:
            raise completion.problem.error()
        run = self._journal.find(task.run)
        assert run is not None, task.run
        first, *others = self._assigned[task.run]
        if self._is_retried(run):
            error = first_line(run.record["error"])
            say(f"{task.job.describe(first.choice.trial)}: {error}; trying again")
            self._folder(run.id).forget()
            executor.submit(self._task(first, run.id, run.tries))
            return
        del self._assigned[task.run]
        for assignment in (first, *others):
            self._finish(assignment, run)

    def _finish(self, assignment: Assignment, run: FinishedRun) -> None:
        """Add a finished run to the journal, the tables, Optuna's storage and MLflow."""
        job, choice = assignment.job, assignment.choice
        self._journal.add(run)
        self._journal.assign(job.key, run.id)
        row = self._row(job, choice, run)
        self._tables.add(row)
        self._state.finish(job, run)
        self._state.store(job)
        if assignment.before:
            self._before += 1
            self._countdown.skip()
        else:
            self._now += 1
            self._countdown.finish()
            self._write_progress()
            count = f"[{self._countdown.done}/{self._countdown.jobs}]"
            ended = outcome(run, self.study.primary, self._countdown.left())
            say(f"{count} {job.describe(choice.trial)} · {ended}")
        self._tracker.log_run(row)

    def _write_progress(self) -> None:
        countdown = self._countdown
        left = countdown.seconds_left()
        StudyProgress(countdown.done, countdown.jobs, left, time.time()).write(self.out)

    def _folder(self, id: str) -> RunFolder:
        return RunFolder(self.out / "runs" / id)

    def _row(self, job: Job, choice: Choice, run: FinishedRun) -> Row:
        overrides: Mapping[str, Any] = {}
        if job.role != "reference":
            overrides = self._specifications.arms[job.arm].training_overrides
        return Row(
            job.arm,
            job.role,
            choice.trial,
            job.seed,
            self._folder(run.id),
            run,
            self._specifications.entries(job, choice.options),
            {**overrides, **choice.options},
            self._teacher_row(job),
            job.share,
        )


def _in_tables(study: Study, jobs: list[Job]) -> list[Job]:
    """The jobs in the order of tables: references, then arm by arm, trials before final runs."""
    arms = list(dict.fromkeys(job.arm for job in jobs))  # those of references come first

    def place(job: Job) -> tuple:
        return arms.index(job.arm), job.share, job.role == "final"

    return sorted(jobs, key=place)


def _job_of(row: Row) -> Job:
    trial = row.trial if row.role == "tuning" else -1
    return Job(row.role, row.arm, row.train_share, trial, row.seed)
