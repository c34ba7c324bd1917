"""What the models of a study must be, found out before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bench.arms import Arm
from bench.errors import InputError


def check_models(arms: Iterable[Arm]) -> None:
    """That the arms' models can be what is made of them; their weights are not looked at.

    A model that would have to be fetched is passed over.

    Raises:
        InputError: one cannot, with the arm's name.
    """
    for arm in arms:
        with _named(arm):
            arm.student.check()
            arm.teacher.check()


def model_notes(arms: Iterable[Arm]) -> list[str]:
    """Where the arms read their models otherwise than these say themselves, each line once."""
    entries = [entry for arm in arms for entry in (arm.student, arm.teacher)]
    return list(dict.fromkeys(note for entry in entries for note in entry.notes()))


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
