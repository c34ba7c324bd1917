"""A study carried out: trials of every arm, then its runs seed by seed, surviving any kill.

Nothing is decided from what is in memory: every step looks at the run records first, so the same
command simply does what is missing.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from bench.arms import Arm, expand
from bench.artifacts import Artifacts
from bench.caveats import Caveats
from bench.claims import Claims
from bench.comparability import find_caveats
from bench.encoding.device import environment, said_of
from bench.encoding.models import weights_digest
from bench.errors import BenchError, BusyError, InputError, first_line
from bench.evaluation.geometry import compare_with_teacher
from bench.evaluation.measured import measure_run
from bench.files import disk_is_full, remove_leftovers
from bench.lab import Lab, open_lab
from bench.ledger import ARTIFACT_PHASES
from bench.links import write_links
from bench.locks import report_lock
from bench.model_checks import models_of
from bench.progress import Countdown, duration, narrate, say
from bench.proposals import Proposals, check_storage, storage_url
from bench.readiness import check_arms, check_study
from bench.records import FINISHED, RunFolder
from bench.registry import Entry, tell_apart
from bench.results import Row, write_tables
from bench.reuse import account, account_outdated, outdated
from bench.specification import ReferenceSpecification, Role, RunSpecification
from bench.students.base import Student
from bench.study import TUNING_SEEDS, Study
from bench.teachers.base import Teacher
from bench.tracking import Tracker
from bench.training.reference import Reference
from bench.training.run import Curve, Run


@dataclass(frozen=True)
class Outcome:
    """How a study ended.

    Attributes:
        failed: the failed runs.
        done_now, done_before: how many were done, failed ones included.
        others: how many runs in the folder are of other studies, or of earlier versions of this.
    """

    failed: list[Row]
    done_now: int
    done_before: int
    others: int


@dataclass(frozen=True)
class Chosen:
    """An arm's options for its final runs on a share of the train queries.

    Attributes:
        trial: which proposal that is.
        finals: by seed, the value on dev-select and the run's id.
    """

    arm: Arm
    share: float
    lab: Lab
    proposals: Proposals
    trial: int
    options: dict[str, Any]
    finals: dict[int, tuple[float | None, str]] = field(default_factory=dict)


class Crossing:
    """Carries out one study in one folder.

    Args:
        out: the study's folder.
        artifacts: where prepared things are kept, shared by studies.
        tracking_uri: MLflow's store; `None` tracks nothing.
        retry_failed: train runs again that are recorded as failed.
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
            report: draws it, before the folder is anybody else's to work in.

        Raises:
            InputError: something in the collection or the models is not as it must be.
            BenchError: another process works on the same folder.
        """
        narrate("opening the collection")
        self.lab = open_lab(self.study, self._artifacts)
        self._labs = {share: self.lab.subset(share) for share in self.study.train_shares}
        for arm in self.arms:
            for model in models_of(arm):
                weights_digest(model)  # a missing model is found before anything is written
        self.arms = expand(self.study)  # models that were just fetched may say how they compare
        check_arms(self.arms, self.out)
        caveats = self._caveats()
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            # Not `with lock` after this: it would count twice, and be let go of once.
            locked = FileLock(self.out / ".lock").acquire(timeout=0)
        except Timeout:
            raise BenchError(f"{self.out}: another `bench run` is at work there") from None
        with locked:
            outcome = self._run(caveats)
            report()
            return outcome

    def _caveats(self) -> Caveats:
        lab = self.lab
        return find_caveats(self.study, self.arms, lab.collection, lab.elsewhere, self.rows)

    def _run(self, caveats: Caveats) -> Outcome:
        study = self.study
        with report_lock(self.out):  # `bench report` may be drawing: what it has is no leftover
            remove_leftovers(self.out)
        check_storage(self.out)
        differences = account(self.out, study, self.arms)
        gone = outdated(self.out, self._labs.values(), study.tested)
        differences += account_outdated(self.out, gone, self.lab)
        study.write(self.out / "study.toml")
        self._artifacts.claims = claims = Claims(self._artifacts.root, self.out)
        self._tracker = Tracker(self._tracking_uri, study, self.out)
        self._announce()
        for line in differences:
            say(line)
        for line in (*caveats.warnings, *caveats.notes):
            say(f"note: {line}")
        caveats.write(self.out)
        for row, execute in self._references():
            self._perform(row, execute, value_of=None)
        self._run_arms()
        write_tables(self.out, study, self._in_order())
        claims.drop()
        self._caveats().write(self.out)  # by now the teachers' scores are known
        write_links(self.out, storage_url(self.out), self._optuna_studies, self._tracker.links())
        failed = [row for row in self.rows if row.folder.status() == "failed"]
        others = {path.name for path in (self.out / "runs").iterdir() if path.is_dir()}
        others -= {row.folder.id for row in self.rows}
        return Outcome(failed, self._now, self._before, len(others))

    @property
    def tracked(self) -> bool:
        """Whether what was done is in MLflow."""
        return self._tracker.links() is not None

    def log_report(self, folder: Path) -> None:
        """Attach the report to the study in MLflow."""
        self._tracker.log_report(folder)

    def _announce(self) -> None:
        study, collection = self.study, self.lab.collection
        shares = len(study.train_shares)
        trials = sum(arm.trials for arm in self.arms) * shares
        finals = len(self.arms) * len(study.seeds) * shares
        self._countdown = Countdown(trials + finals + len(self._reference_list()))
        of_shares = f", {shares} shares of the train queries" if shares > 1 else ""
        say(f"{study.title}")
        say(
            f"{len(self.arms)} arms: {trials} tuning trials and {finals} final runs "
            f"({len(study.seeds)} seeds{of_shares}), budget {study.budget.amount:,.0f} "
            f"{study.budget.unit} a run, on {environment(self.lab.device)['device']}"
        )
        parts = ", ".join(f"{len(p.queries):,} {name}" for name, p in collection.parts.items())
        say(f"{collection.name}: {len(collection.documents):,} documents, queries: {parts}")
        for name, other in self.lab.elsewhere.items():
            asked = len(other.part("test").queries)
            say(f"tested on {name} too: {len(other.documents):,} documents, {asked:,} queries")
        for note in self.lab.notes():
            say(f"  {note}")
        say(f"results: {self.out}")

    # -- reference rows --------------------------------------------------------------------------

    def _reference_list(self) -> list[tuple[str, str, Student | Teacher | None]]:
        """(arm name, label, what is measured) of each reference row."""
        untrained = {str(arm.student): arm.student for arm in self.arms}
        teachers = self._measured_teachers
        rows: list[tuple[str, str, Student | Teacher | None]] = [("bm25", "bm25", None)]
        for label, student in untrained.items():
            rows.append((_told_apart("untrained", student, untrained), label, student))
        for label, teacher in teachers.items():
            rows.append((_told_apart("teacher", teacher, teachers), label, teacher))
        return rows

    @cached_property
    def _measured_teachers(self) -> dict[str, Teacher]:
        """Every teacher that has a reference row, by label: of signals, or of documents."""
        of_signals = [arm.teacher for arm in self.arms if arm.teacher.ranks]
        inherited = [teacher for arm in self.arms if (teacher := arm.student.inherits())]
        return {str(teacher): teacher for teacher in [*of_signals, *inherited]}

    def _against(self, arm: Arm) -> Teacher | None:
        """The measured teacher that the arm's students are compared with.

        Its own, that of its documents, or the only one in the study.
        """
        teachers = self._measured_teachers
        own = [str(arm.teacher), str(arm.student.inherits())]
        found = [label for label in own if label in teachers]
        if not found and len(teachers) == 1:
            found = list(teachers)
        return teachers[found[0]] if found else None

    def _retains(self, teacher: Teacher | None) -> str:
        """The reference row whose quality an arm's is divided by."""
        return _told_apart("teacher", teacher, self._measured_teachers) if teacher else ""

    def _references(self) -> list[tuple[Row, Callable[[], None]]]:
        found = []
        for name, label, measured in self._reference_list():
            what: dict[str, Any] = {"name": "bm25"}
            entries = {"loss": "", "teacher": "", "student": "", "sampler": ""}
            if isinstance(measured, Student):
                what = {**measured.specification, "weights": measured.weights()}
                entries["student"] = label
            elif measured is not None:
                what = {"teacher": measured.specification, "weights": measured.weights()}
                entries["teacher"] = label
            specification = ReferenceSpecification(
                what=what,
                evaluation=self.study.evaluation,
                tests=self.lab.fingerprints(self.study.tested),
                collection=self.lab.collection.fingerprint,
                precision=self.lab.device.precision,
            )
            folder = self._folder(specification.id)
            row = Row(name, "reference", -1, 0, folder, entries, {})
            reference = Reference(specification, measured, folder, self.lab, self._report_for(row))
            found.append((row, reference.execute))
        return found

    # -- arms ------------------------------------------------------------------------------------

    def _run_arms(self) -> None:
        """Tune every arm, then train their choices seed by seed.

        Runs of one seed follow one another, in an order drawn for each seed: a machine that changes
        its speed meanwhile changes it for all arms alike.
        """
        tuned = [
            chosen
            for arm in self.arms
            for share, lab in self._labs.items()
            if (chosen := self._tune(arm, share, lab))
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

    def _tune(self, arm: Arm, share: float, lab: Lab) -> Chosen | None:
        """Tune the arm on a share of the train queries; `None` where no trial could be finished."""
        study = self.study
        proposals = Proposals(storage_url(self.out), study, arm, self._identity(lab))
        self._optuna_studies[arm.name] = proposals.name
        values: list[float | None] = []
        for number in range(arm.trials):
            chosen = arm.choose(options := proposals.get(number))
            run = self._specify(lab, chosen, TUNING_SEEDS + study.tuning.seed, tests=[])
            proposals.describe(number, run=run.id, seed=run.seed, train_share=share)
            hopeless = partial(proposals.hopeless, number)
            value = self._train(arm, share, lab, "tuning", number, run, options, hopeless)
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
        return Chosen(arm, share, lab, proposals, best, options)

    def _train_final(self, chosen: Chosen, seed: int) -> tuple[float | None, str]:
        """The value on dev-select, and the run."""
        arm, share, lab, options = chosen.arm, chosen.share, chosen.lab, chosen.options
        run = self._specify(lab, arm.choose(options), seed, self.study.tested)
        return self._train(arm, share, lab, "final", chosen.trial, run, options), run.id

    def _in_order(self) -> list[Row]:
        """The rows as tables list them: references, then arm by arm, however they were trained."""
        arms = [arm.name for arm in self.arms]

        def place(row: Row) -> tuple[int, ...]:
            if row.role == "reference":
                return (-1,)
            seed = self.study.seeds.index(row.seed) if row.role == "final" else -1
            return (arms.index(row.arm), list(self._labs).index(row.train_share), seed)

        return sorted(self.rows, key=place)

    def _identity(self, lab: Lab) -> dict[str, object]:
        """What the trials of an arm depend on besides the arm."""
        return {
            "collection": lab.collection.fingerprint,
            "budget": self.study.budget.model_dump(exclude_none=True),
            "evaluation": self.study.evaluation.model_dump(),
            "select_by": self.study.primary,
        }

    def _specify(self, lab: Lab, arm: Arm, seed: int, tests: Sequence[str]) -> RunSpecification:
        return RunSpecification(
            arm=arm,
            budget=self.study.budget,
            evaluation=self.study.evaluation,
            select_by=self.study.primary,
            tests=lab.fingerprints(tests),
            seed=seed,
            collection=lab.collection.fingerprint,
            precision=lab.device.precision,
            student_weights=arm.student.weights(),
            teacher_weights=arm.teacher.weights(),
        )

    def _train(
        self,
        arm: Arm,
        share: float,
        lab: Lab,
        role: Role,
        number: int,
        run: RunSpecification,
        options: dict,
        hopeless: Callable[[Curve], bool] = lambda curve: False,
    ) -> float | None:
        """The run's value on dev-select, trained now or found; `None` if failed or pruned."""
        chosen = run.arm
        entries = {
            "loss": str(chosen.loss),
            "teacher": str(chosen.teacher),
            "student": str(chosen.student),
            "sampler": str(chosen.sampler),
        }
        folder = self._folder(run.id)
        against = self._against(arm) if role == "final" else None
        retains = self._retains(against)
        said = {**arm.otherwise, **options}
        row = Row(arm.name, role, number, run.seed, folder, entries, said, retains, share)
        keep = role == "final" and self.study.keep_students
        if share < 1:
            against = None  # it would be fine-tuned on that share for the comparison alone
        training = Run(run, row.folder, lab, keep, self._report_for(row), hopeless, against)
        return self._perform(row, training.execute, value_of="select")

    # -- one run ---------------------------------------------------------------------------------

    def _folder(self, id: str) -> RunFolder:
        return RunFolder(self.out / "runs" / id)

    def _perform(self, row: Row, execute: Callable[[], None], value_of: str | None) -> float | None:
        """Execute what is missing, measure it, and put it into the tables and MLflow."""
        folder = row.folder
        remove_leftovers(folder.path)
        status = folder.status()
        tries = folder.record().get("tries", 1) if status == "failed" else 0
        if status == "failed" and (self._retry_failed or tries <= self.study.retries):
            (folder.path / "run.json").unlink()
            status = "running"
        if status in FINISHED:
            folder.clear_work()  # a kill may have come between the record and this
            self._before += 1
            self._countdown.skip()
        else:
            self._execute(row, execute, tries)
            self._now += 1
            self._countdown.finish()
        if folder.status() == "done":
            tests = self.study.tested if row.role != "tuning" else []
            measure_run(folder, self.lab, self.study.measures, tests, self.study.relevance)
            references = {one.arm: one.folder for one in self.rows if one.role == "reference"}
            teacher = references.get(row.retains)
            if teacher and teacher.status() == "done":
                compare_with_teacher(folder, teacher, self.lab)
        self.rows.append(row)
        if status not in FINISHED:
            write_tables(self.out, self.study, self._in_order())
            self._say_done(row)
        self._tracker.log_run(row)
        if folder.status() != "done" or value_of is None:
            return None
        return float(folder.record()[value_of])

    def _execute(self, row: Row, execute: Callable[[], None], tries: int) -> None:
        """Execute a run, again where it fails and the study says so, and record it if it failed.

        Args:
            tries: how often it has failed before.
        """
        try:
            execute()
        except (InputError, BusyError, OSError, MemoryError):
            raise  # not the run's fault: it is taken up again by the same command
        except Exception as error:
            if disk_is_full(error):
                raise  # in a library's own words
            if tries < self.study.retries:
                say(f"{row.arm} · {row.role} · seed {row.seed}: {first_line(error)}; trying again")
                self._execute(row, execute, tries + 1)
                return
            row.folder.finish(
                {
                    "status": "failed",
                    "error": f"{type(error).__name__}: {said_of(error, self.lab.device)}",
                    "traceback": traceback.format_exc(),
                    "tries": tries + 1,
                }
            )

    def _report_for(self, row: Row) -> Callable[[str], None]:
        place = _place(row)

        def report(message: str) -> None:
            count = f"{self._countdown.done + 1} of {self._countdown.jobs}"
            narrate(f"run {count} · {place} · {message} · {self._countdown.left()}")

        return report

    def _say_done(self, row: Row) -> None:
        count = f"[{self._countdown.done}/{self._countdown.jobs}]"
        place = _place(row)
        if row.folder.status() == "failed":
            error = row.folder.record()["error"].partition("\n")[0]
            say(f"{count} {place} · FAILED: {error}")
            return
        if row.folder.status() == "pruned":
            examples = row.folder.record()["examples"]
            say(f"{count} {place} · pruned after {examples:,} examples · {self._countdown.left()}")
            return
        curve = row.folder.table("curve")
        best = curve.loc[row.folder.record()["best_point"]]
        seconds = sum(
            bill.seconds for bill in row.folder.bills() if bill.phase not in ARTIFACT_PHASES
        )
        say(
            f"{count} {place} · dev {self.study.primary} {best[self.study.primary]:.4f} · "
            f"{duration(seconds)} · {self._countdown.left()}"
        )


def _drawn(seed: int, chosen: Chosen) -> str:
    """Where in the order of a seed's runs."""
    return hashlib.sha256(f"{seed} {chosen.arm.name} {chosen.share}".encode()).hexdigest()


def _place(row: Row) -> str:
    """Which run it is, in a line of progress."""
    if row.role == "reference":
        return f"{row.arm} · {row.role}"
    share = f" · {row.train_share:.3g} of the train queries" if row.train_share < 1 else ""
    return f"{row.arm}{share} · {row.role} · trial {row.trial} · seed {row.seed}"


def _told_apart(kind: str, one: Entry, among: Mapping[str, Entry]) -> str:
    """A reference row's name: its kind, and as much of which one as tells it from the others."""
    return kind if len(among) == 1 else f"{kind}: {tell_apart(one, among.values())}"
