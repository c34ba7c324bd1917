"""Runs of a small study: how they are specified and trained."""

from collections.abc import Callable

from bench.context import Context
from bench.evaluation.measured import measure_run
from bench.storage.records import RunFolder
from bench.study.arms import resolve_arms
from bench.study.schema import parse_study
from bench.teachers.base import Teacher
from bench.training.run import Run
from bench.training.specification import RunSpecification


def specify_run(
    context: Context, study_values: dict, arm_name: str = "adaptive-margin", entry=None, **changes
) -> RunSpecification:
    """The run of an arm of a study, or of another one given as a study writes it."""
    values = {**study_values, "tuning": {}}
    if entry:
        values |= {"arms": [{**entry, "name": arm_name}], "baseline": arm_name}
    study = parse_study(values, "toy")
    arm = next(arm for arm in resolve_arms(study) if arm.name == arm_name)
    values = {
        "arm": arm,
        "budget": study.budget,
        "evaluation": study.evaluation,
        "select_by": study.primary,
        "tests": context.fingerprints(["test"]),
        "seed": 1,
        "collection": context.collection.fingerprint,
        "precision": "float32",
        "student_weights": arm.student.weights(),
        "teacher_weights": arm.teacher.weights(),
    }
    return RunSpecification(**{**values, **changes})


def train(
    run: RunSpecification, context: Context, path, against: Teacher | None = None
) -> RunFolder:
    folder = RunFolder(path / run.id)
    quietly = {"report": lambda message: None}
    Run(run, folder, context, keep_student=True, against=against, **quietly).execute()
    measure_run(folder, context, ["nDCG@10", "RR@10"], run.tests)
    return folder


def train_with_stops(
    run: RunSpecification,
    context: Context,
    folder: RunFolder,
    look: Callable[[], None] = lambda: None,
) -> int:
    """Train it stopped at each pause in turn and taken up again; how often that was.

    Args:
        look: called at each stop.
    """

    class Stop(Exception):
        pass

    stops = 0
    while folder.status() != "done":
        part = Run(run, folder, context, keep_student=True, report=lambda message: None)
        on_pause = part._on_pause

        def stop(on_pause=on_pause) -> None:
            on_pause()
            raise Stop

        part._on_pause = stop
        try:
            part.execute()
        except Stop:
            stops += 1
            look()
    return stops
