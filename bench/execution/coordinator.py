"""Carries out a study: trials of every arm, then final runs seed by seed. It survives any kill.

Every step looks at the run records first, never at memory alone, so the same command does what is
missing.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout

from bench.context import Context
from bench.encoding.device import describe_error
from bench.encoding.models import weights_digest
from bench.errors import BenchError, BusyError, InputError, first_line
from bench.evaluation.measured import measure_run
from bench.execution.announcements import first_lines, outcome, place
from bench.execution.comparability import find_caveats
from bench.execution.model_checks import models_of
from bench.execution.opening import open_context
from bench.execution.proposals import Proposals, check_storage, storage_url
from bench.execution.readiness import check_arms, check_study
from bench.execution.references import References
from bench.execution.reuse import describe_changes, describe_outdated, find_outdated
from bench.execution.tracking import Tracker
from bench.identity import identity
from bench.progress import Countdown, narrate, say
from bench.results import Row, write_tables
from bench.storage.artifacts import Artifacts
from bench.storage.caveats import Caveats
from bench.storage.claims import Claims
from bench.storage.files import disk_is_full, remove_leftovers
from bench.storage.links import write_links
from bench.storage.locks import report_lock, study_lock
from bench.storage.records import FINISHED, Role, RunFolder
from bench.students.base import Student
from bench.study.arms import Arm, resolve_arms
from bench.study.schema import TUNING_SEEDS, Study
from bench.training.reference import Reference
from bench.training.run import Curve, Run
from bench.training.specification import ReferenceSpecification, RunSpecification
from bench.training.teacher_agreement import compare_with_teacher


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
class ArmChoice:
    """An arm's options for its final runs on a share of the train queries.

    Attributes:
        trial: the number of the proposal that gave the options.
        finals: by seed, (value on dev-select, run id).
    """

    arm: Arm
    share: float
    context: Context
    proposals: Proposals
    trial: int
    options: dict[str, Any]
    finals: dict[int, tuple[float | None, str]] = field(default_factory=dict)


class Coordinator:
    """Carries out one study in one folder.

    Args:
        out: the study's folder.
        artifacts: the folder of artifacts, which studies share.
        tracking_uri: MLflow's store; `None` tracks nothing.
        retry_failed: try runs that are recorded as failed again.
    """

    def __init__(
        self,
        study: Study,
        out: Path,
        artifacts: Path,
        tracking_uri: str | None,
        retry_failed: bool = False,
    ) -> None:
        self.study = study
        self.out = out
        self.arms = check_study(study)
        self._artifacts = Artifacts(artifacts)
        self._tracking_uri = tracking_uri
        self._retry_failed = retry_failed
        self.rows: list[Row] = []
        self._optuna_studies: dict[str, str] = {}
        self._now = 0
        self._before = 0

    def run(self, report: Callable[[], None] = lambda: None) -> Outcome:
        """Finish the study.

        Args:
            report: draws the report; it is called while the study's folder is locked.

        Raises:
            InputError: the collection or a model cannot be used.
            BenchError: another process works in the same folder.
        """
        narrate("opening the collection")
        self.context = open_context(self.study, self._artifacts)
        self._contexts = {share: self.context.subset(share) for share in self.study.train_shares}
        for arm in self.arms:
            for model in models_of(arm):
                weights_digest(model)  # fails now if a model is missing, before anything is written
        # Again, because models that were just downloaded may change defaults.
        self.arms = resolve_arms(self.study)
        check_arms(self.arms, self.out)
        self._references = References(self.arms)
        caveats = self._caveats()
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            # `with lock` after this would acquire it twice and release it once.
            locked = study_lock(self.out).acquire(timeout=0)
        except Timeout:
            raise BenchError(f"{self.out}: another `bench run` is at work there") from None
        with locked:
            outcome = self._run(caveats)
            report()
            return outcome

    def _caveats(self) -> Caveats:
        context = self.context
        return find_caveats(
            self.study, self.arms, context.collection, context.test_collections, self.rows
        )

    def _run(self, caveats: Caveats) -> Outcome:
        study = self.study
        with report_lock(self.out):  # files that a running `bench report` writes are no leftovers
            remove_leftovers(self.out)
        check_storage(self.out)
        differences = describe_changes(self.out, study, self.arms)
        gone = find_outdated(self.out, self._contexts.values(), study.tested)
        differences += describe_outdated(self.out, gone, self.context)
        study.write(self.out / "study.toml")
        self._artifacts.claims = claims = Claims(self._artifacts.root, self.out)
        self._tracker = Tracker(self._tracking_uri, study, self.out)
        self._announce()
        for line in differences:
            say(line)
        for line in (*caveats.warnings, *caveats.notes):
            say(f"note: {line}")
        caveats.write(self.out)
        self._measure_references()
        self._run_arms()
        write_tables(self.out, study, self._in_order())
        claims.drop()
        self._caveats().write(self.out)  # again, now that the teachers' scores are known
        write_links(self.out, storage_url(self.out), self._optuna_studies, self._tracker.links())
        failed = [row for row in self.rows if row.folder.status() == "failed"]
        others = {path.name for path in (self.out / "runs").iterdir() if path.is_dir()}
        others -= {row.folder.id for row in self.rows}
        return Outcome(failed, self._now, self._before, len(others))

    @property
    def tracked(self) -> bool:
        """Whether the runs are in MLflow."""
        return self._tracker.links() is not None

    def log_report(self, folder: Path) -> None:
        """Attach the report to the study in MLflow."""
        self._tracker.log_report(folder)

    def _announce(self) -> None:
        study = self.study
        runs = sum(arm.trials + len(study.seeds) for arm in self.arms) * len(self._contexts)
        self._countdown = Countdown(runs + len(self._references))
        for line in first_lines(study, self.arms, self.context):
            say(line)
        say(f"results: {self.out}")

    # -- reference rows --------------------------------------------------------------------------

    def _measure_references(self) -> None:
        for name, measured in self._references:
            what: dict[str, Any] = {"name": "bm25"}
            entries = {"loss": "", "teacher": "", "student": "", "sampler": ""}
            if isinstance(measured, Student):
                what = {**measured.specification, "weights": measured.weights()}
                entries["student"] = str(measured)
            elif measured is not None:
                what = {"teacher": measured.specification, "weights": measured.weights()}
                entries["teacher"] = str(measured)
            specification = ReferenceSpecification(
                what=what,
                evaluation=self.study.evaluation,
                tests=self.context.fingerprints(self.study.tested),
                collection=self.context.collection.fingerprint,
                precision=self.context.device.precision,
            )
            folder = self._folder(specification.id)
            row = Row(name, "reference", -1, 0, folder, entries, {})
            reference = Reference(
                specification, measured, folder, self.context, self._report_for(row)
            )
            self._perform(row, reference.execute, value_of=None)

    # -- arms ------------------------------------------------------------------------------------

    def _run_arms(self) -> None:
        """Tune every arm, then train the chosen options seed by seed.

        The arms' runs of one seed are consecutive, in a random order for each seed, so that a
        machine that changes its speed does so for all arms alike.
        """
        tuned = [
            chosen
            for arm in self.arms
            for share, context in self._contexts.items()
            if (chosen := self._tune(arm, share, context))
        ]
        for seed in self.study.seeds:
            for chosen in sorted(tuned, key=partial(_drawn, seed)):
                chosen.finals[seed] = self._train_final(chosen, seed)
        for chosen in tuned:
            if not chosen.arm.trials:
                values = [value for value, _ in chosen.finals.values() if value is not None]
                mean = float(np.mean(values)) if len(values) == len(chosen.finals) else None
                runs = [run for _, run in chosen.finals.values()]
                chosen.proposals.record_fixed(mean, runs=runs, seeds=self.study.seeds)

    def _tune(self, arm: Arm, share: float, context: Context) -> ArmChoice | None:
        """Tune the arm on a share of the train queries; `None` if every trial failed."""
        study = self.study
        proposals = Proposals(storage_url(self.out), study, arm, self._identity(context))
        self._optuna_studies[arm.name] = proposals.name
        values: list[float | None] = []
        for number in range(arm.trials):
            chosen = arm.choose(options := proposals.get(number))
            run = RunSpecification.of(
                study, chosen, context, TUNING_SEEDS + study.tuning.seed, tests=[]
            )
            proposals.describe(number, run=run.id, seed=run.seed, train_share=share)
            should_prune = partial(proposals.should_prune, number)
            value = self._train(arm, share, context, "tuning", number, run, options, should_prune)
            values.append(value)
            record = self.rows[-1].folder.record()
            pruned = record["status"] == "pruned"
            proposals.tell(number, value, pruned, record.get("error"))
        best, options = 0, {}
        if values:
            finished = [-np.inf if value is None else value for value in values]
            best = int(np.argmax(finished))  # ties to the earliest
            if values[best] is None:
                say(f"{arm.name}: every tuning trial failed, so it is not trained further")
                self._countdown.jobs -= len(study.seeds)
                return None
            options = proposals.get(best)
        return ArmChoice(arm, share, context, proposals, best, options)

    def _train_final(self, chosen: ArmChoice, seed: int) -> tuple[float | None, str]:
        """(the value on dev-select, the run's id)."""
        arm, share, context, options = chosen.arm, chosen.share, chosen.context, chosen.options
        run = RunSpecification.of(self.study, arm.choose(options), context, seed, self.study.tested)
        return self._train(arm, share, context, "final", chosen.trial, run, options), run.id

    def _in_order(self) -> list[Row]:
        """The rows in the order of tables: references, then arm by arm."""
        arms = [arm.name for arm in self.arms]

        def position(row: Row) -> tuple[int, ...]:
            if row.role == "reference":
                return (-1,)
            seed = self.study.seeds.index(row.seed) if row.role == "final" else -1
            return (arms.index(row.arm), list(self._contexts).index(row.train_share), seed)

        return sorted(self.rows, key=position)

    def _identity(self, context: Context) -> dict[str, object]:
        """What an arm's trials depend on besides the arm."""
        return {
            "collection": context.collection.fingerprint,
            "budget": identity(self.study.budget),
            "evaluation": identity(self.study.evaluation),
            "select_by": self.study.primary,
        }

    def _train(
        self,
        arm: Arm,
        share: float,
        context: Context,
        role: Role,
        number: int,
        run: RunSpecification,
        options: dict,
        should_prune: Callable[[Curve], bool] = lambda curve: False,
    ) -> float | None:
        """Train the run, or find it; its value on dev-select, `None` if it failed or was pruned."""
        chosen = run.arm
        entries = {
            "loss": str(chosen.loss),
            "teacher": str(chosen.teacher),
            "student": str(chosen.student),
            "sampler": str(chosen.sampler),
        }
        folder = self._folder(run.id)
        against = self._references.against(arm) if role == "final" else None
        retains = self._references.name(against) if against else ""
        varied = {**arm.training_overrides, **options}
        row = Row(arm.name, role, number, run.seed, folder, entries, varied, retains, share)
        keep = role == "final" and self.study.keep_students
        if share < 1:
            against = None  # it would have to be fine-tuned on that share only for the comparison

        def execute() -> None:
            report = self._report_for(row)
            Run(run, row.folder, context, keep, report, should_prune, against).execute()

        return self._perform(row, execute, value_of="select")

    # -- one run ---------------------------------------------------------------------------------

    def _folder(self, id: str) -> RunFolder:
        return RunFolder(self.out / "runs" / id)

    def _perform(self, row: Row, execute: Callable[[], None], value_of: str | None) -> float | None:
        """Execute a run unless it is finished, measure it, and add it to the tables and MLflow.

        Args:
            value_of: the key of the record whose value is returned.
        """
        folder = row.folder
        remove_leftovers(folder.path)
        status = folder.status()
        tries = folder.record().get("tries", 1) if status == "failed" else 0
        if status == "failed" and (self._retry_failed or tries <= self.study.retries):
            (folder.path / "run.json").unlink()
            status = "running"
        if status in FINISHED:
            folder.clear_work()  # which a kill may have prevented after the record was written
            self._before += 1
            self._countdown.skip()
        else:
            self._execute(row, execute, tries)
            self._now += 1
            self._countdown.finish()
        if folder.status() == "done":
            tests = self.study.tested if row.role != "tuning" else []
            measure_run(folder, self.context, self.study.measures, tests, self.study.relevance)
            references = {one.arm: one.folder for one in self.rows if one.role == "reference"}
            teacher = references.get(row.retains)
            if teacher and teacher.status() == "done":
                compare_with_teacher(folder, teacher, self.context)
        self.rows.append(row)
        if status not in FINISHED:
            write_tables(self.out, self.study, self._in_order())
            self._say_done(row)
        self._tracker.log_run(row)
        if folder.status() != "done" or value_of is None:
            return None
        return float(folder.record()[value_of])

    def _execute(self, row: Row, execute: Callable[[], None], tries: int) -> None:
        """Execute a run, retry it as often as the study says, and record a final failure.

        Args:
            tries: how often it has failed before.
        """
        try:
            execute()
        except (InputError, BusyError, OSError, MemoryError):
            raise  # not the run's fault; the same command continues it
        except Exception as error:
            if disk_is_full(error):
                raise  # an error class of another library
            if tries < self.study.retries:
                say(f"{row.arm} · {row.role} · seed {row.seed}: {first_line(error)}; trying again")
                self._execute(row, execute, tries + 1)
                return
            message = describe_error(error, self.context.device)
            row.folder.finish(
                {
                    "status": "failed",
                    "error": f"{type(error).__name__}: {message}",
                    "traceback": traceback.format_exc(),
                    "tries": tries + 1,
                }
            )

    def _report_for(self, row: Row) -> Callable[[str], None]:
        which = place(row)

        def report(message: str) -> None:
            count = f"{self._countdown.done + 1} of {self._countdown.jobs}"
            narrate(f"run {count} · {which} · {message} · {self._countdown.left()}")

        return report

    def _say_done(self, row: Row) -> None:
        count = f"[{self._countdown.done}/{self._countdown.jobs}]"
        ended = outcome(row, self.study.primary, self._countdown.left())
        say(f"{count} {place(row)} · {ended}")


def _drawn(seed: int, chosen: ArmChoice) -> str:
    """A sort key that gives a random order of arms for each seed."""
    return hashlib.sha256(f"{seed} {chosen.arm.name} {chosen.share}".encode()).hexdigest()
