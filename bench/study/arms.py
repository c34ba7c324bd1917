"""Resolves a study's arms and checks that each can work."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from bench import losses, samplers, students, teachers
from bench.errors import InputError, did_you_mean
from bench.losses.base import Loss
from bench.registry import first_problem, parse_entry, shortest_label
from bench.samplers.base import Sampler
from bench.spaces import Float, Space
from bench.students.base import Student
from bench.study.schema import ArmEntry, Cross, EntrySpec, Study, Training
from bench.teachers.base import Teacher


@dataclass(frozen=True)
class Arm:
    """loss × teacher × student × sampler: what a study compares.

    Attributes:
        training: how its runs are optimised.
        space: what Optuna may vary, by the names ``loss.<option>`` and ``training.<key>``.
        training_overrides: training keys that the arm itself sets, by the same names.
        trials: number of tuning trials: the study's, or 0 if there is nothing to vary.
    """

    name: str
    loss: Loss
    teacher: Teacher
    student: Student
    sampler: Sampler
    training: Training
    space: Mapping[str, Space]
    training_overrides: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 0

    def label(self, share: float) -> str:
        """Its name, with the share of the train queries that it is given if that is not all."""
        return self.name + (f" ({share:.3g} of train)" if share < 1 else "")

    def choose(self, values: Mapping[str, Any]) -> Arm:
        """This arm with values from its space.

        Raises:
            InputError: the loss or the training does not allow a value.
        """
        chosen: dict[str, dict[str, Any]] = {"loss": {}, "training": {}}
        for key, value in values.items():
            owner, _, option = key.partition(".")
            chosen[owner][option] = value
        return replace(
            self,
            loss=self.loss.vary(chosen["loss"]),
            training=Training.model_validate({**self.training.model_dump(), **chosen["training"]}),
        )


def resolve_arms(study: Study) -> list[Arm]:
    """The study's arms in the file's order, those of the cross last.

    Raises:
        InputError: an arm cannot work, two arms have the same name, the baseline or an arm of a
            claim does not exist, or there is nothing to tune although trials are given.
    """
    arm_entries = entries(study)
    arms = [_arm(study, entry) for entry in arm_entries]
    arms = _name(arms, arm_entries)
    names = Counter(arm.name for arm in arms)
    for name, count in names.items():
        if count > 1:
            raise InputError(f"arm {name!r}: {count} arms have that name; give them a name each")
    if study.baseline not in names:
        raise InputError(
            f"baseline: no arm is named {study.baseline!r}{did_you_mean(study.baseline, names)}"
        )
    for claim in study.claims:
        for named in filter(None, (claim.arm, claim.against)):
            if named not in names:
                raise InputError(f"claims: no arm is named {named!r}{did_you_mean(named, names)}")
    for arm in arms:
        _check(study, arm)
    if study.tuning.trials and not any(arm.trials for arm in arms):
        raise InputError(
            f"tuning: {study.tuning.trials} trials but nothing to vary; give tuning.space, or an "
            "arm a space"
        )
    return arms


def entries(study: Study) -> list[ArmEntry]:
    """The arms as the file writes them, those of the cross last."""
    if study.cross is None:
        return study.arms
    combined = _combine(study.cross)
    if EVERY in study.cross.losses:
        combined = [entry for entry in combined if not _problem(_arm(study, entry))]
    return [*study.arms, *combined]


def _combine(cross: Cross) -> list[ArmEntry]:
    axes: dict[str, list[Any]] = {
        "loss": _ready_losses() if EVERY in cross.losses else cross.losses,
        "teacher": cross.teachers or [None],
        "student": cross.students or [None],
        "sampler": cross.samplers or [None],
    }
    combinations = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    kept = [
        combination
        for combination in combinations
        if not any(_excluded(combination, rule) for rule in cross.exclude)
    ]
    if not kept:
        raise InputError("cross: everything is excluded")
    return [ArmEntry(**combination) for combination in kept]


def _ready_losses() -> list[str]:
    """The names of registered losses whose options all have defaults."""
    ready = []
    for name in losses.registry.names():
        options = fields(losses.registry.get(name))
        if not any(one.default is one.default_factory is MISSING for one in options):
            ready.append(name)
    return ready


def _excluded(combination: Mapping[str, EntrySpec | None], rule: Mapping[Any, EntrySpec]) -> bool:
    return all(_agrees(combination[axis], wanted) for axis, wanted in rule.items())


def _agrees(entry: EntrySpec | None, wanted: EntrySpec) -> bool:
    if entry is None:
        return False
    (name, options), (wanted_name, wanted_options) = _parts(entry), _parts(wanted)
    return name == wanted_name and wanted_options.items() <= options.items()


def _parts(entry: EntrySpec) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return parse_entry(entry)
    return entry.get("name", ""), {key: value for key, value in entry.items() if key != "name"}


def _arm(study: Study, entry: ArmEntry) -> Arm:
    loss = losses.create(entry.loss)
    training = _training(study, entry)
    space: dict[str, Space] = {}
    if study.tuning.trials:
        own = _own_space(loss, entry)
        space = {f"training.{key}": value for key, value in study.tuning.space.items()}
        space |= {f"loss.{option}": value for option, value in own.items()}
    elif entry.space:
        raise InputError(f"arm {loss}: it has a space, but tuning.trials is 0")
    return Arm(
        name=entry.name or "",
        loss=loss,
        teacher=teachers.create(entry.teacher or study.defaults.teacher),
        student=students.create(entry.student or study.defaults.student),
        sampler=samplers.create(entry.sampler or study.defaults.sampler),
        training=training,
        training_overrides={f"training.{key}": value for key, value in entry.training.items()},
        space=space,
        trials=study.tuning.trials if space else 0,
    )


def _training(study: Study, entry: ArmEntry) -> Training:
    try:
        return Training.model_validate({**study.training.model_dump(), **entry.training})
    except ValidationError as error:
        name = entry.name or entry.loss
        raise InputError(f"arm {name!r}: training.{first_problem(error)}") from None


def _own_space(loss: Loss, entry: ArmEntry) -> dict[str, Space]:
    """The search space of the loss's options: the arm's, else the loss's without given options."""
    if entry.space is not None:
        return dict(entry.space)
    _, given = _parts(entry.loss)
    return {option: space for option, space in loss.space().items() if option not in given}


AXES = ("teacher", "student", "sampler")
EVERY = "*"


def _name(arms: list[Arm], arm_entries: list[ArmEntry]) -> list[Arm]:
    """Name the arms that have no name: the loss as written, and what tells arms of it apart."""
    of_loss: dict[str, list[Arm]] = defaultdict(list)
    for arm in arms:
        of_loss[str(arm.loss)].append(arm)
    named = []
    for arm, entry in zip(arms, arm_entries, strict=True):
        name = entry.name
        if not name:
            rivals = of_loss[str(arm.loss)]
            differing = [
                shortest_label(getattr(arm, axis), [getattr(other, axis) for other in rivals])
                for axis in AXES
                if len({str(getattr(other, axis)) for other in rivals}) > 1
            ]
            loss = entry.loss if isinstance(entry.loss, str) else str(arm.loss)
            name = " + ".join([loss, *differing])
        named.append(replace(arm, name=name))
    return named


def _check(study: Study, arm: Arm) -> None:
    if problem := _problem(arm):
        raise InputError(f"arm {arm.name!r}: {problem}")
    _check_budget(study, arm)
    _check_space(study, arm)


def _problem(arm: Arm) -> str:
    """Why loss, teacher, student and sampler cannot work together; empty if they can."""
    needed, given = arm.loss.needs(), arm.teacher.provides()
    try:
        arm.loss.check_similarity(arm.student.similarity)
    except InputError as error:
        return str(error)
    if arm.loss.needs_labels() and not arm.sampler.labelled:
        return (
            f"{arm.loss.name} needs judged positives, and {arm.sampler.name} draws queries "
            "without labels; a loss of a teacher's scores or embeddings needs none"
        )
    if missing := sorted(needed - given):
        return (
            f"{arm.loss.name} needs {', '.join(missing)} from a teacher, and {arm.teacher.name} "
            f"gives {', '.join(sorted(given)) or 'nothing'}"
        )
    if not needed and given:
        return (
            f"{arm.loss.name} uses nothing of its teacher {arm.teacher}, which would be charged "
            "to it for nothing; give it teacher 'none', or exclude it"
        )
    return ""


def _check_budget(study: Study, arm: Arm) -> None:
    """Check that there is at least one step between two evaluation points."""
    shares, budget = study.evaluation.shares(), study.budget
    least = min(after - before for before, after in pairwise([0.0, *shares]))
    if budget.amount * least < budget.least_step(arm.training.batch_size) * (1 - 1e-9):
        raise InputError(
            f"arm {arm.name!r}: budget: {budget} are less than a step "
            f"between {len(shares)} evaluation points; give more, or fewer points"
        )


def _check_space(study: Study, arm: Arm) -> None:
    """Check that both ends of every axis are allowed, and that a grid has enough points."""
    for key, space in arm.space.items():
        if key in arm.training_overrides:
            raise InputError(f"arm {arm.name!r}: {key} is varied by tuning.space, and set here")
        ends = [space.low, space.high] if isinstance(space, Float) else space.values
        for end in ends:
            try:
                arm.choose({key: end})
            except InputError as error:
                raise InputError(f"arm {arm.name!r}: space {key}: {error}") from None
            except ValueError:
                raise InputError(f"arm {arm.name!r}: space {key}: {end} is not allowed") from None
    if arm.trials and study.tuning.sampler == "grid":
        size = len(grid(arm))
        if size < arm.trials:
            raise InputError(
                f"arm {arm.name!r}: tuning.trials is {arm.trials}, its grid has {size} points; "
                "every arm gets the same number of trials"
            )


def grid(arm: Arm) -> list[dict[str, Any]]:
    """All points of the arm's space; the last axis varies fastest.

    Raises:
        InputError: an axis is continuous.
    """
    axes = {key: space.grid() for key, space in arm.space.items()}
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
