"""A recorded run as a specification again, and the comparison of what it gives with the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench import losses, samplers, students, teachers
from bench.context import Context
from bench.errors import InputError
from bench.results import AGREEMENT
from bench.storage.records import RunFolder
from bench.study.arms import Arm
from bench.study.schema import Budget, Evaluation, Training
from bench.training.specification import RunSpecification


def respecify(
    row: Mapping[str, Any], record: Mapping[str, Any], context: Context
) -> RunSpecification:
    """The run's specification again.

    Args:
        row: its row of the summary, which has the entries as they are written.
        record: the specification it was recorded with.

    Raises:
        InputError: collection, weights, an entry's version or the device's precision is not what
            it was, so that another run would come of it.
    """
    teacher, student = teachers.create(row["teacher"]), students.create(row["student"])
    arm = Arm(
        name=row["arm"],
        loss=losses.create(row["loss"]),
        teacher=teacher,
        student=student,
        sampler=samplers.create(row["sampler"]),
        training=Training.model_validate(record["training"]),
        space={},
    )
    run = RunSpecification(
        arm=arm,
        budget=Budget.model_validate(record["budget"]),
        evaluation=Evaluation.model_validate(record["evaluation"]),
        select_by=record["select_by"],
        tests=context.fingerprints(record["tests"]),
        seed=record["seed"],
        collection=context.collection.fingerprint,
        precision=context.device.precision,
        student_weights=student.weights(),
        teacher_weights=teacher.weights(),
    )
    if run.id != row["run"]:
        changed = [key for key, value in record.items() if run.record.get(key) != value]
        if "collection" in changed and "tests" in changed:
            changed.remove("tests")  # they are of it
        raise InputError(
            f"run {row['run']} cannot be trained again: its {', '.join(changed) or 'format'} "
            "is not what it was"
        )
    return run


@dataclass(frozen=True)
class Comparison:
    """A run and its repetition.

    Attributes:
        rows: (what, recorded, replayed): the last point of the dev curve, and the means on test.
        largest: the largest absolute difference of any number of the curve or of a test query.
        same: whether there is none, and every ranking is the same too.
    """

    rows: list[tuple[str, float, float]]
    largest: float
    same: bool
    recorded: RunFolder
    replayed: RunFolder

    @classmethod
    def of(cls, recorded: RunFolder, replayed: RunFolder) -> Comparison:
        tables = ("curve", "queries") if recorded.record()["specification"]["tests"] else ("curve",)
        rows, largest = [], 0.0
        same = recorded.table("rankings").equals(replayed.table("rankings"))
        for name in tables:
            before, now = (_numbers(folder.table(name)) for folder in (recorded, replayed))
            now = now.reindex(columns=before.columns)
            same = same and before.equals(now)
            if before.shape == now.shape:
                gaps = np.abs(before.to_numpy() - now.to_numpy())
                largest = max(largest, float(np.nanmax(gaps, initial=0.0)))
            summed = (
                (before.iloc[-1], now.iloc[-1]) if name == "curve" else (before.mean(), now.mean())
            )
            rows += [
                (
                    f"{'dev' if name == 'curve' else 'test'} {column}",
                    *(one[column] for one in summed),
                )
                for column in before.columns
            ]
        return cls(rows, largest, same, recorded, replayed)

    def why(self) -> str:
        """What explains a difference; empty where nothing does."""
        before, now = self.recorded.record(), self.replayed.record()
        if "seconds" in before["specification"]["budget"]:
            return "a budget of seconds ends where the clock says, and never twice alike"
        changed = [
            f"{key} was {value}, is {now['environment'].get(key)}"
            for key, value in before["environment"].items()
            if now["environment"].get(key) != value
        ]
        if not changed and not before["environment"]["device"].startswith("cpu"):
            return "kernels of a GPU add in no fixed order"
        return ", ".join(changed)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Its numbers, but for the seconds, and what another run's rankings have a part in."""
    others = ["train_seconds", *AGREEMENT]
    return table.select_dtypes("number").drop(columns=others, errors="ignore").astype(float)
