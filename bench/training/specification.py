"""What a run is: everything its result depends on, and the id made of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.identity import identity
from bench.storage.files import digest
from bench.study.arms import Arm
from bench.study.schema import Budget, Evaluation, Study

if TYPE_CHECKING:
    from bench.context import Context

FORMAT = 2
"""Raised when a run's meaning changes: older records are then not taken for the new."""


@dataclass(frozen=True)
class RunSpecification:
    """One training run, resolved: nothing in it is left to a default.

    Attributes:
        arm: with its choices made.
        select_by: the measure that chooses the checkpoint on dev-select.
        tests: what is measured once at the end, each with the fingerprint of its collection; none
            while tuning.
        collection: the collection's fingerprint.
        precision: as resolved for the device.
        student_weights, teacher_weights: digests.
    """

    arm: Arm
    budget: Budget
    evaluation: Evaluation
    select_by: str
    tests: Mapping[str, str]
    seed: int
    collection: str
    precision: str
    student_weights: str
    teacher_weights: str

    @classmethod
    def of(
        cls, study: Study, arm: Arm, context: Context, seed: int, tests: Collection[str]
    ) -> RunSpecification:
        """A run of a study.

        Args:
            arm: with its choices made.
            context: with the share of the train queries that the run is given.
            tests: what is measured at the end.
        """
        return cls(
            arm=arm,
            budget=study.budget,
            evaluation=study.evaluation,
            select_by=study.primary,
            tests=context.fingerprints(tests),
            seed=seed,
            collection=context.collection.fingerprint,
            precision=context.device.precision,
            student_weights=arm.student.weights(),
            teacher_weights=arm.teacher.weights(),
        )

    @property
    def record(self) -> dict[str, Any]:
        """As a JSON value. The arm's name is no part of it: renaming re-trains nothing."""
        arm = self.arm
        return {
            "format": FORMAT,
            "loss": arm.loss.specification,
            "teacher": {**arm.teacher.specification, "weights": self.teacher_weights},
            "student": {**arm.student.specification, "weights": self.student_weights},
            "sampler": arm.sampler.specification,
            "training": {**identity(arm.training), "precision": self.precision},
            "budget": identity(self.budget),
            "evaluation": {**identity(self.evaluation), "points": self.evaluation.shares()},
            "select_by": self.select_by,
            "tests": dict(self.tests),
            "seed": self.seed,
            "collection": self.collection,
        }

    @cached_property
    def id(self) -> str:
        return digest(self.record)


@dataclass(frozen=True)
class ReferenceSpecification:
    """Something measured and not trained: BM25, an untrained student, a teacher.

    Attributes:
        what: ``bm25``, or the specification of the encoder with its weights' digest.
    """

    what: dict[str, Any]
    evaluation: Evaluation
    tests: Mapping[str, str]
    collection: str
    precision: str

    @property
    def record(self) -> dict[str, Any]:
        """As a JSON value."""
        evaluation = identity(self.evaluation)
        del evaluation["points"]  # it is measured once
        return {
            "format": FORMAT,
            "reference": self.what,
            "evaluation": evaluation,
            "tests": dict(self.tests),
            "collection": self.collection,
            "precision": self.precision,
        }

    @cached_property
    def id(self) -> str:
        return digest(self.record)
