"""``bench evaluate``."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.errors import InputError
from bench.progress import quiet, say


def evaluate_student(
    written: str,
    collection_name: str,
    split: str,
    measures: list[str],
    run: Path | None,
    as_json: bool,
    artifacts_root: Path,
) -> None:
    """Search one part with a student, print its measures, write its ranking where asked.

    Raises:
        InputError: no such student, collection, part or measure.
    """
    import torch

    from bench.artifacts import Artifacts
    from bench.collections.open import open_collection
    from bench.encoding.device import choose
    from bench.evaluation.evaluator import Evaluator
    from bench.evaluation.measures import parse, per_query
    from bench.evaluation.ranking import write_trec
    from bench.lab import Lab
    from bench.students.find import find_student
    from bench.study import Evaluation

    if not measures:
        raise InputError("--measures: name at least one, for example nDCG@10")
    for name in measures:
        parse(name)
    student = find_student(written)
    artifacts = Artifacts(artifacts_root)
    collection = open_collection(collection_name, artifacts)
    for note in collection.notes:
        say(f"  {note}")
    part = collection.part(split)
    device = choose()
    depth = Evaluation(depth=1000) if run else Evaluation(depth=_deepest(measures))
    lab = Lab(collection, artifacts, device)
    evaluator = Evaluator(lab, student, depth)
    torch.manual_seed(0)  # for a student that is drawn
    ranking = evaluator.rank(student.build(lab).to(device.place), split)
    if run:
        write_trec(run, ranking, collection, split, "bench")
    means = per_query(part, ranking, measures).mean()
    quiet()
    values = {name: float(means[name]) for name in measures}
    if as_json:
        print(json.dumps(values))
        return
    say(f"{student} on {collection.name}, {split}")
    table = Table("measure", "value")
    for name, value in values.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)


def _deepest(measures: list[str]) -> int:
    """How deep a ranking these measures look; the whole thousand where one has no cutoff."""
    cutoffs = [name.partition("@")[2] for name in measures]
    return max(int(cutoff) if cutoff.isdigit() else 1000 for cutoff in cutoffs)
