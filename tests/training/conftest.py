"""A lab, runs to be specified, and the way to train them."""

from collections.abc import Callable

import pytest

from bench.arms import expand
from bench.evaluation.measured import measure_run
from bench.lab import Lab
from bench.records import RunFolder
from bench.specification import RunSpecification
from bench.study import parse_study
from bench.teachers.base import Teacher
from bench.training.run import Run


@pytest.fixture
def specify(lab, toy_values):
    def make(arm_name: str = "adaptive-margin", entry=None, **changes) -> RunSpecification:
        """The run of an arm of the toy study, or of another one given as a study writes it."""
        values = {**toy_values, "tuning": {}}
        if entry:
            values |= {"arms": [{**entry, "name": arm_name}], "baseline": arm_name}
        study = parse_study(values, "toy")
        arm = next(arm for arm in expand(study) if arm.name == arm_name)
        values = {
            "arm": arm,
            "budget": study.budget,
            "evaluation": study.evaluation,
            "select_by": study.primary,
            "tests": lab.fingerprints(["test"]),
            "seed": 1,
            "collection": lab.collection.fingerprint,
            "precision": "float32",
            "student_weights": arm.student.weights(),
            "teacher_weights": arm.teacher.weights(),
        }
        return RunSpecification(**{**values, **changes})

    return make


def train(run: RunSpecification, lab: Lab, path, against: Teacher | None = None) -> RunFolder:
    folder = RunFolder(path / run.id)
    quietly = {"report": lambda message: None}
    Run(run, folder, lab, keep_student=True, against=against, **quietly).execute()
    measure_run(folder, lab, ["nDCG@10", "RR@10"], run.tests)
    return folder


def train_with_stops(
    run: RunSpecification, lab: Lab, folder: RunFolder, look: Callable[[], None] = lambda: None
) -> int:
    """Train it stopped at each pause in turn and taken up again; how often that was.

    Args:
        look: called at each stop.
    """

    class Stop(Exception):
        pass

    stops = 0
    while folder.status() != "done":
        part = Run(run, folder, lab, keep_student=True, report=lambda message: None)
        pause = part._pause

        def stop(pause=pause) -> None:
            pause()
            raise Stop

        part._pause = stop
        try:
            part.execute()
        except Stop:
            stops += 1
            look()
    return stops
