"""What a study will take, from the bills of earlier ones: means, products and sums of seconds.

Nothing here is modelled. A rate is a sum of seconds over a sum of what they were spent on, in the
newest earlier study that has the like; a forecast is a rate times what is to be done.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.execution.past import Key, Past, evaluation_points, minings, reference_key, run_key
from bench.storage.artifact_name import ArtifactName
from bench.storage.clocks import ONCE_PHASES
from bench.storage.ledger import Bill
from bench.study.arms import Arm
from bench.study.budget import Consumed
from bench.study.schema import Study

LIKE = {
    len(Key._fields): "",
    len(Key._fields) - 1: "another loss",
    len(Key._fields) - 3: "another loss and sampler",
}
"""What a forecast says it ignores, by how many fields of a key a match shares; best first."""


@dataclass(frozen=True)
class Rates:
    """How long runs like an arm's took.

    Attributes:
        runs: the earlier runs, all of one study.
        like: what was ignored to find them; empty for an exact match.
        same_artifacts: whether they needed what the arm needs.
        example: what an example of training consumes.
        evaluate: seconds an evaluation point.
        mine: seconds for one ranking of the train queries by the student itself.
        once: seconds of a run for starting and saving.
        test: seconds a final run; `None` where no such student was tested yet.
    """

    runs: list[Past]
    like: str
    same_artifacts: bool
    example: Consumed
    evaluate: float
    mine: float
    once: float
    test: float | None


@dataclass(frozen=True)
class Preparation:
    """An artifact that must be prepared once.

    Attributes:
        kind: the artifact's kind.
        seconds: of making it.
        there: whether it is in the artifacts' folder, and only has to be read.
        bytes: its size; `None` where that is not known.
    """

    kind: str
    seconds: float
    there: bool
    bytes: float | None


class Forecast:
    """Forecasts from the runs of earlier studies."""

    def __init__(self, past: Iterable[Past]) -> None:
        self.past = list(past)
        self._like: dict[tuple, list[Past]] = defaultdict(list)
        for run in self.past:
            for size in LIKE:
                self._like[run.key[:size]].append(run)

    def rates(self, study: Study, arm: Arm) -> Rates | None:
        """What runs like the arm's took; `None` where there were none."""
        key = run_key(study, arm)
        size = next((size for size in LIKE if key[:size] in self._like), None)
        if size is None:
            return None
        runs = newest(self._like[key[:size]])
        finals = newest(
            [run for run in runs if run.final]
            or [
                run
                for run in self.past
                if run.final and (run.key.setting, run.key.student) == (key.setting, key.student)
            ]
        )
        return Rates(
            runs=runs,
            like=LIKE[size],
            same_artifacts=size >= len(Key._fields) - 1,
            example=Consumed(
                examples=1,
                steps=1 / arm.training.batch_size,
                seconds=_rate(runs, "train", lambda run: run.examples),
                flops=_flops(runs),
            ),
            evaluate=_rate(runs, "evaluate", lambda run: run.points),
            mine=_rate(runs, "mine", lambda run: run.minings),
            once=sum(_rate(runs, phase, lambda run: 1) for phase in ONCE_PHASES),
            test=_rate(finals, "test", lambda run: 1) if finals else None,
        )

    def reference(self, study: Study, student: str, teacher: str) -> list[Past]:
        """Earlier reference rows of the same, from the newest study that has one."""
        return newest(self._like.get(reference_key(study, student, teacher), []))

    def kept_bytes(self, student: str) -> float | None:
        """Bytes of a run's folder with such a student in it, or 4 for each of its parameters."""
        same = [run for run in self.past if run.key.student == student]
        for run in sorted(same, key=lambda run: -run.made):
            folder = run.study / "runs" / run.run
            if run.final and (folder / "student").is_dir():
                return folder_bytes(folder)
        return next((4.0 * run.parameters for run in same if run.parameters), None)


def newest(runs: Sequence[Past]) -> list[Past]:
    """The runs of the study that was written to last."""
    last = max((run.made for run in runs), default=0.0)
    return [run for run in runs if run.made == last]


def _rate(runs: Iterable[Past], phase: str, amount: Callable[[Past], int]) -> float:
    """Seconds of a phase for each of what they were spent on; 0 where there was nothing."""
    seconds = sum(run.seconds.get(phase, 0.0) for run in runs)
    spent = sum(amount(run) for run in runs)
    return seconds / spent if spent else 0.0


def _flops(runs: Sequence[Past]) -> float:
    """Floating-point operations of training on an example."""
    examples = sum(run.examples for run in runs)
    return sum(run.flops for run in runs) / examples if examples else 0.0


def run_seconds(study: Study, arm: Arm, rates: Rates, final: bool) -> dict[str, float] | None:
    """Seconds of one run by what they go into; `None` where a part is not known."""
    examples = study.budget.expected_examples(rates.example)
    steps = math.ceil(examples / arm.training.batch_size - 1e-9)
    seconds = {
        "training": examples * rates.example.seconds,
        "mining by the student": minings(steps, arm) * rates.mine,
        "dev evaluations": evaluation_points(study, arm) * rates.evaluate,
        "starting and saving": rates.once,
    }
    if final:
        if rates.test is None:
            return None
        seconds["test"] = rates.test
    return seconds


def prepared(bills: Iterable[Bill], artifacts: Path) -> dict[ArtifactName, Preparation]:
    """The artifacts that are due before the first step, by name."""
    found = {}
    for bill in bills:
        if bill.phase == "prepare" and (name := bill.artifact):
            folder = name.folder(artifacts)
            there = folder.is_dir()
            size = folder_bytes(folder) if there else None
            found[name] = Preparation(name.kind, bill.seconds, there, size)
    return found


def scored(
    study: Study, arm: Arm, rates: Rates, seeds: Iterable[int], artifacts: Path
) -> dict[tuple, Preparation]:
    """The scores of the examples of these seeds, by kind, teacher, sampler and seed.

    Two arms that differ in loss or student alone share it. Where a budget does not say what is
    drawn, nothing is scored ahead: that is training time.
    """
    examples = study.budget.planned_examples(arm.training.batch_size)
    if examples is None:
        return {}
    found = {}
    for kind in sorted({name.kind for run in rates.runs for name, _ in _scores(run)}):
        by_run = [
            [(name.folder(artifacts), bill) for name, bill in _scores(run) if name.kind == kind]
            for run in rates.runs
        ]
        of_seed = dict(zip((run.seed for run in rates.runs), by_run, strict=True))
        scores = [score for run in by_run for score in run]
        of_runs = sum(max((bill.examples for _, bill in run), default=0) for run in by_run)
        share = examples / of_runs
        known = all(folder.is_dir() for folder, _ in scores)
        size = share * sum(folder_bytes(folder) for folder, _ in scores) if known else None
        seconds = share * sum(bill.seconds for _, bill in scores)
        for seed in seeds:
            same = [folder for folder, bill in of_seed.get(seed, []) if bill.examples == examples]
            there = bool(same) and all(folder.is_dir() for folder in same)
            key = (kind, str(arm.teacher), str(arm.sampler), seed)
            found[key] = Preparation(kind, seconds, there, size)
    return found


def _scores(run: Past) -> list[tuple[ArtifactName, Bill]]:
    """The artifacts that were scored for a run's examples, with their bills."""
    return [(bill.artifact, bill) for bill in run.bills if bill.phase == "score" and bill.artifact]


def folder_bytes(folder: Path) -> float:
    """Bytes of the files below a folder."""
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
