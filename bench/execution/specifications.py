"""From a job and its options to the run that it is: the one answer to "is this the same run?".

A run is the same if its id is, and the id is made of its whole specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.context import Context
from bench.execution.jobs import Job
from bench.execution.references import References
from bench.students.base import Student
from bench.study.arms import Arm
from bench.study.schema import Study
from bench.teachers.base import Teacher
from bench.training.specification import ReferenceSpecification, RunSpecification


class Specifications:
    """The specifications of a study's runs, which depend on its collections and models.

    Attributes:
        arms: by name.
        contexts: by share of the train queries.
    """

    def __init__(self, study: Study, arms: Sequence[Arm], context: Context) -> None:
        self._study = study
        self._context = context
        self.arms = {arm.name: arm for arm in arms}
        self.references = References(arms)
        self.contexts = {share: context.subset(share) for share in study.train_shares}

    def of_reference(self, job: Job) -> ReferenceSpecification:
        """What a reference row measures."""
        measured = self.references.measured(job.arm)
        what: dict[str, Any] = {"name": "bm25"}
        if isinstance(measured, Student):
            what = {**measured.specification, "weights": measured.weights()}
        elif measured is not None:
            what = {"teacher": measured.specification, "weights": measured.weights()}
        return ReferenceSpecification(
            what=what,
            evaluation=self._study.evaluation,
            tests=self._context.fingerprints(self._study.tested),
            collection=self._context.collection.fingerprint,
            precision=self._context.device.precision,
        )

    def of_run(self, job: Job, options: Mapping[str, Any]) -> RunSpecification:
        """What a tuning or final run trains with these options."""
        arm, context = self.arms[job.arm].choose(options), self.contexts[job.share]
        return RunSpecification.of(self._study, arm, context, job.seed, self.tests(job))

    def id(self, job: Job, options: Mapping[str, Any]) -> str:
        """The id of a job's run."""
        if job.role == "reference":
            return self.of_reference(job).id
        return self.of_run(job, options).id

    def tests(self, job: Job) -> list[str]:
        """What is measured on test: nothing while tuning."""
        return [] if job.role == "tuning" else self._study.tested

    def against(self, job: Job) -> Teacher | None:
        """The teacher that a final run's student is compared with, if there is one."""
        return self.references.against(self.arms[job.arm]) if job.role == "final" else None

    def teacher_row(self, job: Job) -> str:
        """The name of the reference row of that teacher; empty if there is none."""
        teacher = self.against(job)
        return self.references.name(teacher) if teacher else ""

    def entries(self, job: Job, options: Mapping[str, Any]) -> dict[str, str]:
        """Loss, teacher, student and sampler of the job, as tables name them."""
        if job.role == "reference":
            entries = {"loss": "", "teacher": "", "student": "", "sampler": ""}
            measured = self.references.measured(job.arm)
            if isinstance(measured, Student):
                entries["student"] = str(measured)
            elif isinstance(measured, Teacher):
                entries["teacher"] = str(measured)
            return entries
        arm = self.arms[job.arm].choose(options)
        return {axis: str(getattr(arm, axis)) for axis in ("loss", "teacher", "student", "sampler")}
