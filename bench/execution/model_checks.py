"""Checks the models of a study before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.encoding.models import BUNDLED_NAMES, is_local, locate
from bench.errors import InputError
from bench.lazy import Library
from bench.students.base import Student
from bench.study.arms import Arm
from bench.teachers.base import Teacher

if TYPE_CHECKING:
    import torch
else:
    torch = Library("torch")


def models_of(arm: Arm) -> list[str]:
    """The names of all models that the arm uses."""
    return [*arm.student.models(), *arm.teacher.models(), *arm.sampler.models()]


def check_models(arms: Iterable[Arm]) -> None:
    """Check, without loading weights, that the arms' models can be used as the arms do.

    Models that are not on this machine yet are skipped.

    Raises:
        InputError: a model cannot; the message names the arm.
    """
    first: dict[tuple[str, ...], Arm] = {}
    for arm in arms:
        first.setdefault((str(arm.student), str(arm.teacher), str(arm.sampler)), arm)
    for arm in first.values():
        with _name_arm_in_errors(arm):
            for model in filter(is_local, models_of(arm)):
                locate(model)
            for entry in _made_of(arm):
                entry.check()


def model_notes(arms: Iterable[Arm]) -> list[str]:
    """How the arms' options differ from what their models say of themselves, each line once."""
    entries = {str(entry): entry for arm in arms for entry in (arm.student, arm.teacher)}
    return list(dict.fromkeys(note for entry in entries.values() for note in entry.notes()))


def missing_models(arms: Iterable[Arm]) -> list[str]:
    """The models that are not on this machine, each once."""
    models = dict.fromkeys(model for arm in arms for model in models_of(arm))
    return [model for model in models if not is_local(model)]


def check_weights(arms: Iterable[Arm]) -> None:
    """Load every model once to check its files, and discard it.

    Bundled models, and those that are not on this machine yet, are skipped.

    Raises:
        InputError: a model's files lack weights; the message names the arm.
    """
    seen: set[str] = set()
    for arm in arms:
        for entry in _made_of(arm):
            models, label = entry.models(), f"{entry.kind} {entry}"
            if label in seen or not all(map(is_local, models)) or set(models) <= {*BUNDLED_NAMES}:
                continue
            seen.add(label)

            # Drawing a head's weights must not change the random numbers drawn later.
            with _name_arm_in_errors(arm), torch.random.fork_rng(devices=[]):
                entry.check_weights()


def _made_of(arm: Arm) -> list[Student | Teacher]:
    return [arm.student, arm.teacher, *arm.sampler.teachers()]


@contextmanager
def _name_arm_in_errors(arm: Arm) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"arm {arm.name!r}: {error}") from error
