"""Carries out a study: trials of every arm, then final runs seed by seed. It survives any kill.

The coordinator decides what is done next, by what the run records say, and gives tasks to an
executor. With its books (`bench.execution.books`) it alone writes tables and journal, and talks
to Optuna and MLflow.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.encoding.models import weights_digest
from bench.errors import first_line
from bench.evaluation.measured import is_measured
from bench.execution import executors
from bench.execution.announcements import first_lines
from bench.execution.books import Books
from bench.execution.choices import Choice
from bench.execution.comparability import find_caveats
from bench.execution.jobs import Job, finals_of
from bench.execution.model_checks import models_of
from bench.execution.onlooker import describe
from bench.execution.opening import open_context
from bench.execution.optuna_storage import check_storage, storage_of
from bench.execution.readiness import check_arms, check_study
from bench.execution.reuse import describe_changes, describe_outdated, find_outdated
from bench.execution.state import StudyState
from bench.execution.task import Task
from bench.progress import narrate, say
from bench.results import AGREEMENT, Row
from bench.storage.artifacts import Artifacts
from bench.storage.caveats import Caveats
from bench.storage.claims import Claims
from bench.storage.files import remove_leftovers
from bench.storage.finished_run import FinishedRun
from bench.storage.locks import report_lock, study_lock
from bench.storage.records import RunFolder
from bench.storage.run_progress import RunProgress
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
        self._assigned: dict[str, list[Assignment]] = {}
        self._submitted: set[str] = set()

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
        rows = self._books.tables.rows
        self._caveats(rows).write(self.out)  # again, now that the teachers' scores are known
        self._books.link()
        failed = [row for row in rows if row.run.status == "failed"]
        others = {path.name for path in (self.out / "runs").iterdir() if path.is_dir()}
        others -= {row.run.id for row in rows}
        return Outcome(failed, self._books.now, self._books.before, len(others))

    def _open_records(self) -> None:
        """Open everything that the study writes to, and tell what is there and what will be."""
        study, out = self.study, self.out
        self._state = StudyState(study, self.arms, self.context, out, self._storage)
        self._journal, self._specifications = self._state.journal, self._state.specifications
        differences = describe_changes(out, study, self.arms)
        contexts, runs = self._specifications.contexts.values(), list(self._journal.all())
        outdated = find_outdated(runs, contexts, study.tested)
        differences += describe_outdated(outdated, self.context)
        study.write(out / "study.toml")
        self._journal.begin(study.model_dump(mode="json"))
        for run in runs:
            self._journal.add(run)
        self._artifacts.claims = self._claims = Claims(self._artifacts.root, out)
        self._books = Books(study, out, self._state, self._storage, self._tracking_uri)
        for line in first_lines(study, self.arms, self.context):
            say(line)
        say(f"results: {out}")
        for line in differences:
            say(line)

    @property
    def tracked(self) -> bool:
        """Whether the runs are in MLflow."""
        return self._books.tracked

    def log_report(self, folder: Path) -> None:
        """Attach the report to the study in MLflow."""
        self._books.log_report(folder)

    # -- jobs ------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        """Do all jobs; at the end, or if that is stopped, the tables are complete."""
        try:
            self._take_finished()
            if len(self._state.agenda):
                self._execute_jobs()
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell
                self._books.tables.write()
            raise
        self._books.tables.write()

    def _execute_jobs(self) -> None:
        """Have the jobs that are left carried out, as many at once as the executor can."""
        # Nothing that trains is loaded before it is needed.
        executor = executors.create_executor(self.study, self.arms, self.context, self.out)
        if (name := self.study.execution.executor) != "local":
            say(f"executor {name}: {executor.slots} runs at once")
        self._books.write_progress()
        with closing(executor):
            self._books.tables.write_if_due()  # with what was finished before
            while len(self._state.agenda):
                self._begin_ready(executor)
                completions = executor.completed(POLL)
                self._lease.check()  # else another process does the same meanwhile
                for completion in completions:
                    self._complete(completion, executor)
                self._books.tables.write_if_due()
                self._narrate()

    def _narrate(self) -> None:
        """Show what other processes do just now."""
        begun = [RunProgress.read(self._folder(id)) for id in self._assigned]
        if begun:
            countdown = self._books.countdown
            count = f"{countdown.done} of {countdown.jobs} runs finished"
            head = f"{count} · {len(begun)} in progress · {countdown.left()}"
            narrate("\n".join([head, *(f"  {describe(one)}" for one in begun if one)]))

    def _take_finished(self) -> None:
        """Take note of all jobs whose runs are finished, before any other is begun."""
        for job, choice, run in self._state.find_finished(self._state.agenda.waiting()):
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
        self._books.countdown.jobs -= len(finals)

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
        countdown = self._books.countdown
        count = f"{countdown.done + len(self._assigned)} of {countdown.jobs}"
        return Task(
            job,
            title=f"run {count} · {job.describe(choice.trial)} · {countdown.left()}",
            run=id,
            options=choice.options,
            tries=tries,
            pruning=self._state.pruning(job),
            teacher=self._teacher_run(job),
        )

    def _teacher_run(self, job: Job) -> str | None:
        """The run of the reference row that a final run is compared with, if it is done."""
        run = self._state.runs.get(Job("reference", self._specifications.teacher_row(job)))
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
        self._books.add(assignment.job, assignment.choice, run, assignment.before)

    def _folder(self, id: str) -> RunFolder:
        return RunFolder(self.out / "runs" / id)
