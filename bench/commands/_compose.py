"""Composes studies from command-line arguments, for ``bench sweep`` and ``bench train``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.errors import InputError
from bench.losses import Loss
from bench.study.arms import resolve_arms
from bench.study.file import study_from
from bench.study.schema import Study

SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True)
class SharedOptions:
    """Command-line arguments that hold for all arms.

    Attributes:
        budget: as for `read_budget`.
        teacher: for losses that need one; the others have none.
        settings: ``key.path=value`` strings that replace values of the study.
    """

    collection: str
    budget: str
    teacher: str
    student: str
    sampler: str
    settings: Sequence[str] = ()

    def arm(self, name: str, loss: Loss, text: str) -> dict[str, Any]:
        """An arm with that loss, as a table of a study file.

        Args:
            text: the loss as a study file writes it.
        """
        return {"name": name, "loss": text, "teacher": self.teacher if loss.needs() else "none"}


def compose(
    command: str,
    subject: str,
    title: str,
    arms: Sequence[dict[str, Any]],
    seeds: Sequence[int],
    baseline: str,
    shared: SharedOptions,
) -> Study:
    """The study of these arms, named after the command and its subject.

    Raises:
        InputError: a value is not allowed in a study, or an arm cannot work.
    """
    values = {
        "name": _as_name(f"{command}-{subject}"),
        "title": title,
        "collection": shared.collection,
        "budget": read_budget(shared.budget),
        "seeds": list(seeds),
        "baseline": baseline,
        "defaults": {"student": shared.student, "sampler": shared.sampler},
        "arms": list(arms),
    }
    study = study_from(values, shared.settings, command)
    resolve_arms(study)  # so that arms that cannot work are refused now
    return study


def read_budget(text: str) -> dict[str, float]:
    """The budget that ``4000`` (examples), ``200steps``, ``600s``, ``2h`` or ``1e15flops`` means.

    Raises:
        InputError: the text is none of these.
    """
    if match := re.fullmatch(r"(\d+(?:\.\d+)?(?:e\d+)?) ?(steps|s|min|h|flops)?", text.strip()):
        number, unit = match.groups()
        if unit == "flops":
            return {unit: float(number)}
        if unit in SECONDS:
            return {"seconds": float(number) * SECONDS[unit]}
        if number.isdigit():
            return {unit or "examples": int(number)}
    raise InputError(
        f"--budget {text!r}: must be a number of examples (4000), of steps (200steps), "
        "a time (600s, 10min, 2h), or operations of training (1e15flops)"
    )


def _as_name(text: str) -> str:
    """The text as a study's name: with allowed characters only, and at most 120 of them."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:120].strip("-")
