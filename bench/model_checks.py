"""What the models of a study must be, found out before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bench.arms import Arm
from bench.errors import InputError


def check_models(arms: Iterable[Arm]) -> list[str]:
    """What is to be said of the arms' models, each line once; their weights are not looked at.

    A model that would have to be fetched is passed over.

    Raises:
        InputError: a model that cannot be what an arm makes of it, with the arm's name.
    """
    notes: dict[str, None] = {}
    for arm in arms:
        with _named(arm):
            arm.student.check()
            arm.teacher.check()
            notes |= dict.fromkeys([*arm.student.notes(), *arm.teacher.notes()])
    return list(notes)


def check_weights(arms: Iterable[Arm]) -> None:
    """Load every model once, and let it go again.

    Raises:
        InputError: files that do not hold a model's weights, with the arm's name.
    """
    import torch

    seen: set[str] = set()
    for arm in arms:
        for entry in (arm.student, arm.teacher):
            if (written := f"{entry.kind} {entry}") not in seen:
                seen.add(written)
                # A head that is drawn now must not change what the seed draws later.
                with _named(arm), torch.random.fork_rng(devices=[]):
                    entry.check_weights()


@contextmanager
def _named(arm: Arm) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"arm {arm.name!r}: {error}") from error
