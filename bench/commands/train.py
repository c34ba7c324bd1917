"""``bench train``."""

from pathlib import Path

from bench import losses
from bench.commands._choice import choose_run
from bench.commands._compose import SharedOptions, compose
from bench.commands.run import carry_out
from bench.progress import say
from bench.study.schema import Study


def train_student(
    loss: str, seed: int, shared: SharedOptions, out: Path | None, artifacts: Path, mlflow: bool
) -> None:
    """Train one student by a study of one arm, and print where it is.

    Raises:
        InputError: an argument is wrong.
        BenchError: the run failed.
    """
    study = design(loss, seed, shared)
    folder = carry_out(study, out, artifacts, mlflow)
    _, run = choose_run(folder, study.baseline, None, None)
    if run.student.is_dir():
        say(f"student: {run.student}")


def design(loss: str, seed: int, shared: SharedOptions) -> Study:
    """The study of one arm and one seed; errors as in `compose`."""
    created = losses.create(loss)
    name = str(created)
    title = f"A student trained with {name}"
    return compose("train", name, title, [shared.arm(name, created, loss)], [seed], name, shared)
