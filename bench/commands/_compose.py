"""Studies that a command line stands for: what ``bench sweep`` and ``bench train`` share."""

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
class Shared:
    """What all arms have in common, as the command line says it.

    Attributes:
        budget: see `read_budget`.
        teacher: of the losses that need one; the others have none.
        settings: ``key.path=value`` strings that replace what the study would say.
    """

    collection: str
    budget: str
    teacher: str
    student: str
    sampler: str
    settings: Sequence[str] = ()

    def arm(self, name: str, loss: Loss, written: str) -> dict[str, Any]:
        """An arm of that loss, which a study file writes so."""
        return {"name": name, "loss": written, "teacher": self.teacher if loss.needs() else "none"}


def compose(
    command: str,
    subject: str,
    title: str,
    arms: Sequence[dict[str, Any]],
    seeds: Sequence[int],
    baseline: str,
    shared: Shared,
) -> Study:
    """The study of these arms, named after the command and its subject.

    Raises:
        InputError: something a study may not say, or an arm that cannot work.
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
    resolve_arms(study)  # so that an arm that cannot work is said now
    return study


def read_budget(text: str) -> dict[str, float]:
    """``4000`` (examples), ``200steps``, ``600s``, ``10min``, ``2h`` (in seconds), ``1e15flops``.

    Raises:
        InputError: anything else.
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
    """Only characters that a study's name may have, and no more than a file system takes."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:120].strip("-")
