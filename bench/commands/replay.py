"""``bench replay``: trains exactly one run of a study again, in a folder of its own."""

import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import evaluation, execution, training
from bench.commands._choice import choose_run
from bench.errors import BenchError
from bench.progress import narrate, quiet, say
from bench.results import read_study
from bench.storage.artifacts import Artifacts
from bench.storage.files import check_place
from bench.storage.records import RunFolder


def replay_run(
    folder: Path, arm: str, trial: int, seed: int, share: float, artifacts_root: Path
) -> None:
    """Train the run again, and compare every number with the recorded one.

    Raises:
        InputError: there is no such run, or its collection or models have changed.
        BenchError: the numbers differ although machine and versions are the same.
    """
    row, recorded = choose_run(folder, arm, trial, seed, share)
    check_place("DIR", folder)
    study = read_study(folder)

    narrate("opening the collection")
    context = execution.open_context(study, Artifacts(artifacts_root)).subset(share)
    specification = training.respecify(row, recorded.record()["specification"], context)
    again = RunFolder(folder / "replays" / specification.id)
    if again.status() in ("done", "failed"):
        shutil.rmtree(again.path)
    training.Run(specification, again, context, keep_student=True, report=narrate).execute()
    evaluation.measure_run(again, context, study.measures, specification.tests, study.relevance)
    quiet()
    comparison = training.Comparison.of(recorded, again)
    table = Table("", "recorded", "replayed", title=f"{arm}, trial {trial}, seed {seed}")
    for name, before, now in comparison.rows:
        table.add_row(name, f"{before:.6g}", f"{now:.6g}")
    Console().print(table)
    say(f"its record and its student: {again.path}")
    if comparison.same:
        say("every number is the same, to the last bit")
        return
    why = comparison.why()
    if not why:
        raise BenchError(
            f"the numbers differ by up to {comparison.largest:.3g}, on the same machine and "
            "versions: please report this"
        )
    say(f"the numbers differ by up to {comparison.largest:.3g}: {why}")
