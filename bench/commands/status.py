"""``bench status``."""

from collections import Counter
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.errors import BenchError
from bench.results import lost_records, read_study, read_summary
from bench.study.arms import resolve_arms


def show_status(folder: Path) -> None:
    """Print how many runs of each arm are done, pruned, failed, and missing.

    Raises:
        InputError: there are no results, or they are damaged.
        BenchError: records have been deleted that the tables cannot replace.
    """
    summary = read_summary(folder)
    study = read_study(folder)
    table = Table(
        "arm",
        "tuning",
        "final",
        "pruned",
        "failed",
        title=escape(study.title),
        title_justify="left",
    )
    missing = 0
    for arm, share in product(resolve_arms(study), study.train_shares):
        rows = summary[(summary["arm"] == arm.name) & (summary["train_share"] == share)]
        done = Counter(rows[rows["status"] == "done"]["role"])
        failed, pruned = (int((rows["status"] == end).sum()) for end in ("failed", "pruned"))
        tuned = int((rows["role"] == "tuning").sum()) >= arm.trials
        hopeless = arm.trials > 0 and tuned and not done["tuning"]  # every trial failed
        wanted = arm.trials + (0 if hopeless else len(study.seeds))
        missing += wanted - done.total() - failed - pruned
        table.add_row(
            escape(arm.label(share)),
            f"{done['tuning']}/{arm.trials}",
            f"{done['final']}/{len(study.seeds)}",
            str(pruned or ""),
            str(failed or ""),
        )
    Console().print(table)
    begun = [path for path in (folder / "runs").glob("*") if not (path / "run.json").exists()]
    if begun:
        print(f"begun and not finished: {len(begun)}")
    if lost := lost_records(folder, summary):
        raise BenchError(lost)
    print(f"{missing} runs to come" if missing else "nothing is missing")
