"""Reads finished runs of earlier studies, and keys of runs that take similar time."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.errors import InputError
from bench.results import read_summary, read_table
from bench.storage.clocks import ARTIFACT_PHASES
from bench.storage.ledger import Bill
from bench.storage.records import DRY_RUN
from bench.study.arms import Arm, resolve_arms
from bench.study.budget import Consumed
from bench.study.file import load_study
from bench.study.schema import Study, Training


class Key(NamedTuple):
    """What two runs must share to take the same time, the most important first.

    Attributes:
        setting: collection, batch size and other keys of a study that affect costs, as JSON.
        mines: whether the student mines its own negatives.
        needs: the signals that the loss needs from its teacher.
    """

    setting: str
    teacher: str
    student: str
    mines: bool
    needs: tuple[str, ...]
    sampler: str
    loss: str


@dataclass(frozen=True)
class Past:
    """A finished run of an earlier study; a reference row's key has no loss and no sampler.

    Attributes:
        study: its study's folder.
        made: when that study's ledger was written, in seconds since 1970.
        final: whether it is a final run, which measures test and may keep its student.
        points: evaluation points that took time.
        minings: how often the student mined its own negatives.
        seconds: of its own work, by phase.
        flops: of its training.
        bills: those of the artifacts it needed.
        parameters: of its student; 0 if unknown.
        memory: most bytes that it used; 0 if unknown.
    """

    study: Path
    run: str
    made: float
    key: Key
    final: bool
    seed: int
    examples: int
    steps: int
    points: int
    minings: int
    seconds: dict[str, float]
    flops: float
    bills: list[Bill]
    parameters: int
    memory: int
    device: str


def run_key(study: Study, arm: Arm) -> Key:
    """The key of an arm's runs, which is the same for all its trials."""
    return Key(
        setting=setting(study, arm.training),
        teacher=str(arm.teacher),
        student=str(arm.student),
        mines=bool(refresh(arm)),
        needs=tuple(sorted(arm.loss.needs())),
        sampler=str(arm.sampler),
        loss=str(arm.loss),
    )


def reference_key(study: Study, student: str, teacher: str) -> Key:
    """The key of a reference row; BM25's has neither student nor teacher."""
    return Key(setting(study, study.training), teacher, student, False, (), "", "")


def setting(study: Study, training: Training) -> str:
    """The keys of a study, as JSON, that the seconds of a run depend on besides its entries."""
    evaluation = study.evaluation
    parts: list[Any] = [study.collection, study.test, study.test_collections]
    parts += [evaluation.pool, evaluation.depth]
    parts += [training.batch_size, training.gradient_cache, training.precision]
    return json.dumps(parts, sort_keys=True, ensure_ascii=False)


def refresh(arm: Arm) -> int:
    """Steps between two minings by the student itself; 0 if it mines nothing."""
    return int(arm.sampler.options.get("refresh", 0))


def evaluation_points(study: Study, arm: Arm, used: float | None = None) -> int:
    """How many evaluation points take a run's time.

    Point 0 counts only if the student has random weights; else its ranking is shared by all runs.

    Args:
        used: the share of the budget that was used, for a run that may have ended early.
    """
    shares = study.evaluation.shares()
    if used is not None:
        shares = [share for share in shares if share <= used * (1 + 1e-9)]
    return len(shares) + arm.student.randomly_initialised


def minings(steps: int, arm: Arm) -> int:
    """How often the student mines in this many steps: at the first, then every `refresh` steps."""
    return math.ceil(steps / refresh(arm)) if refresh(arm) else 0


def read_all(out: Path) -> list[Past]:
    """The finished runs in a study's folder, in its probe, and in the study folders beside it."""
    folders = [out, out / "probe"]
    if out.parent.is_dir():
        folders += [path for path in sorted(out.parent.iterdir()) if path.name != out.name]
    return [run for folder in folders for run in read_past(folder)]


def read_past(folder: Path) -> list[Past]:
    """The finished runs in a study's folder; none for a dry run, or if it cannot be read."""
    ledger = folder / "ledger.csv"
    if not ledger.is_file() or (folder / DRY_RUN).exists():
        return []
    try:
        study = load_study(str(folder / "study.toml"))
        rows = read_summary(folder).to_dict("records")
        bills = defaultdict(list)
        table = read_table(ledger)
        for bill in table.to_dict("records"):
            if bill.get("train_share", 1.0) == 1:
                bills[_label(bill)].append(Bill.of(bill))
        arms = {arm.name: arm for arm in resolve_arms(study)}
        made = ledger.stat().st_mtime
        runs = [_past(folder, made, study, arms, row, bills[_label(row)]) for row in rows]
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return []
    return [run for run in runs if run is not None]


def _label(row: dict[Any, Any]) -> tuple:
    return row["arm"], row["role"], row["trial"], row["seed"]


def _past(
    folder: Path,
    made: float,
    study: Study,
    arms: dict[str, Arm],
    row: dict[Any, Any],
    bills: list[Bill],
) -> Past | None:
    """One run; `None` if it is not done, used a share of the train queries, or its arm has changed
    in the study file since."""
    if row["status"] != "done" or row["train_share"] < 1:
        return None
    seconds: dict[str, float] = defaultdict(float)
    for bill in bills:
        if bill.phase not in ARTIFACT_PHASES:
            seconds[bill.phase] += bill.seconds
    flops = sum(bill.flops for bill in bills if bill.phase == "train")
    needed = [bill for bill in bills if bill.phase in ARTIFACT_PHASES]
    entries = {axis: _text(row[axis]) for axis in ("teacher", "student", "sampler")}
    points = mined = 0
    if row["role"] == "reference":
        key = reference_key(study, entries["student"], entries["teacher"])
        # Its start includes the making of its artifacts, which have bills of their own.
        making = sum(bill.seconds for bill in needed if not bill.reused)
        seconds["start"] = max(0.0, seconds["start"] - making)
    else:
        arm = arms.get(row["arm"])
        if arm is None or any(str(getattr(arm, axis)) != entries[axis] for axis in entries):
            return None
        key = run_key(study, arm)
        consumed = Consumed(row["examples"], row["steps"], seconds["train"], flops)
        points = evaluation_points(study, arm, study.budget.used(consumed))
        mined = minings(int(row["steps"]), arm)
    return Past(
        study=folder,
        run=str(row["run"]),
        made=made,
        key=key,
        final=row["role"] == "final",
        seed=int(row["seed"]),
        examples=int(row["examples"]),
        steps=int(row["steps"]),
        points=points,
        minings=mined,
        seconds=dict(seconds),
        flops=flops,
        bills=needed,
        parameters=_count(row.get("parameters")),
        memory=_count(row.get("peak_memory")),
        device=next((bill.device for bill in bills if bill.phase == "train"), ""),
    )


def _text(value: Any) -> str:
    return str(value) if pd.notna(value) else ""


def _count(value: Any) -> int:
    return int(value) if value and pd.notna(value) else 0
