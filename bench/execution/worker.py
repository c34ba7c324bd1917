"""A worker carries out the runs of a study, one at a time, in the process it lives in.

It needs no other process: a task says what is to be done, and the record in the run's folder is the
result. Whoever gives out tasks may be the same process, or on another machine that shares the
folders.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import encoding
from bench.context import Context
from bench.encoding.device import describe_error
from bench.errors import BusyError, InputError
from bench.evaluation.measured import measure_run
from bench.execution.opening import open_context
from bench.execution.specifications import Specifications
from bench.execution.task import Task
from bench.progress import narrate
from bench.storage.artifacts import Artifacts
from bench.storage.claims import Claims
from bench.storage.files import disk_is_full, remove_leftovers
from bench.storage.lease import hold
from bench.storage.records import FINISHED, RunFolder
from bench.storage.run_progress import ProgressWriter
from bench.study.arms import Arm, resolve_arms
from bench.study.schema import Study
from bench.training.reference import Reference
from bench.training.run import Curve, Report, Run
from bench.training.teacher_agreement import compare_with_teacher


@dataclass(frozen=True)
class Workplace:
    """What all tasks of a study share; picklable. Its folders are seen by every worker.

    Attributes:
        out: the study's folder.
        artifacts: the folder of artifacts.
    """

    study: Study
    out: Path
    artifacts: Path

    def open(self, log: str = "", workers: int = 1) -> Worker:
        """A worker in this process.

        Args:
            log: the file with all that this process prints.
            workers: how many there are on this machine.

        Raises:
            InputError: a collection or a model cannot be used here.
        """
        artifacts = Artifacts(self.artifacts)
        artifacts.claims = Claims(artifacts.root, self.out)
        context = open_context(self.study, artifacts)
        device = encoding.choose(self.study.training.precision)
        context = replace(context, device=device, workers=workers)
        return Worker(self.study, resolve_arms(self.study), self.out, context, log)


class Worker:
    """Carries out tasks of one study with its collections opened once."""

    def __init__(
        self, study: Study, arms: Sequence[Arm], out: Path, context: Context, log: str = ""
    ) -> None:
        self._study = study
        self._out = out
        self._context = context
        self._log = log
        self._specifications = Specifications(study, arms, context)

    def execute(self, task: Task) -> None:
        """Train or measure the run, from its last checkpoint, unless it is finished; measure it.

        If the run fails, its record says so.

        Raises:
            InputError: it cannot be this run on this machine, or a file is damaged.
            BusyError, DiskFullError, OSError, MemoryError: nothing that the run is to blame for;
                the same task goes on once that is mended.
        """
        folder = self._folder(task.run)
        folder.path.mkdir(parents=True, exist_ok=True)
        # A worker that its study has lost sight of may be at work with it still.
        with hold(folder.path / ".lease", f"{folder.path}: another worker is at work with it"):
            remove_leftovers(folder.path)
            if folder.status() in FINISHED:
                folder.clear_work()  # which a kill may have prevented after the record was written
            else:
                self._perform(task, folder)
            if folder.status() == "done":
                self._measure(task, folder)

    def _perform(self, task: Task, folder: RunFolder) -> None:
        try:
            self._create(task, folder).execute()
        except (InputError, BusyError, OSError, MemoryError):
            raise
        except Exception as error:
            if disk_is_full(error):
                raise  # an error class of another library
            message = describe_error(error, self._context.device)
            folder.finish(
                {
                    "status": "failed",
                    "error": f"{type(error).__name__}: {message}",
                    "traceback": traceback.format_exc(),
                    "tries": task.tries + 1,
                    "log": self._log,
                }
            )

    def _create(self, task: Task, folder: RunFolder) -> Run | Reference:
        job, specifications = task.job, self._specifications
        report = self._report(task, folder)
        if job.role == "reference":
            reference = specifications.of_reference(job)
            self._check(task, reference.id)
            measured = specifications.references.measured(job.arm)
            return Reference(reference, measured, folder, self._context, report)
        run = specifications.of_run(job, task.options)
        self._check(task, run.id)
        return Run(
            run,
            folder,
            specifications.contexts[job.share],
            keep_student=job.role == "final" and self._study.keep_students,
            report=report,
            should_prune=task.pruning or _never,
            # On a share of the train queries it would be fine-tuned only for the comparison.
            against=specifications.against(job) if job.share == 1 else None,
        )

    def _check(self, task: Task, id: str) -> None:
        if id != task.run:
            raise InputError(
                f"{socket.gethostname()}: {task.job.describe()} would be another run here than "
                "where the study is run from: models, collections and training.precision (which "
                f"is {self._context.device.precision} here) must be the same on all machines"
            )

    def _measure(self, task: Task, folder: RunFolder) -> None:
        context, study = self._specifications.contexts[task.job.share], self._study
        tests = self._specifications.tests(task.job)
        measure_run(folder, context, study.measures, tests, study.relevance)
        if task.teacher is not None:
            compare_with_teacher(folder, self._folder(task.teacher), context)

    def _folder(self, id: str) -> RunFolder:
        return RunFolder(self._out / "runs" / id)

    def _report(self, task: Task, folder: RunFolder) -> Report:
        write = ProgressWriter(folder, task.job.describe(), self._log)

        def report(doing: str) -> None:
            narrate(f"{task.title} · {doing}")
            write(doing)

        return report


def _never(curve: Curve) -> bool:
    return False
