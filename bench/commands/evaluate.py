"""``bench evaluate``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench import encoding, evaluation, students, training
from bench.collections.open import open_collection
from bench.context import Context
from bench.errors import InputError
from bench.lazy import Library
from bench.progress import quiet, say
from bench.storage.artifacts import Artifacts
from bench.storage.files import check_target
from bench.study.schema import Evaluation

if TYPE_CHECKING:
    import torch
else:
    torch = Library("torch")


def evaluate_student(
    student_name: str,
    collection_name: str,
    split: str,
    measures: list[str],
    run: Path | None,
    as_json: bool,
    artifacts_root: Path,
) -> None:
    """Search one part with a student, print the measures, and optionally write the ranking.

    Args:
        student_name: the student's name, folder or model id.
        run: a file for the ranking.

    Raises:
        InputError: there is no such student, collection, part or measure.
    """

    if run:
        check_target("--run", run)
    if not measures:
        raise InputError("--measures: name at least one, for example nDCG@10")
    checked = evaluation.parse_all(measures)
    student = students.find_student(student_name)
    student.check()
    artifacts = Artifacts(artifacts_root)
    for note in student.notes():
        say(note)
    collection = open_collection(collection_name, artifacts)
    for note in collection.notes:
        say(f"  {note}")
    part = collection.part(split)
    device = encoding.choose()
    depth = max(1000 if run else 1, evaluation.deepest(checked.values(), otherwise=1000))
    context = Context(collection, artifacts, device)
    evaluator = training.Evaluator(context, student, Evaluation(depth=depth))
    torch.manual_seed(0)  # for students with random weights
    ranking = evaluator.rank(device.place(student.build(context)), split)
    if run:
        evaluation.write_trec(run, ranking, collection, split, "bench")
    means = evaluation.per_query(part, ranking, measures).mean()
    quiet()
    for line in (
        *evaluation.depth_notes(checked, depth),
        *evaluation.grade_notes(checked, {split: part}, {}),
    ):
        say(f"note: {line}")
    values = {name: float(means[name]) for name in measures}
    if as_json:
        print(json.dumps(values))
        return
    say(f"{student} on {collection.name}, {split}")
    table = Table("measure", "value")
    for name, value in values.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
