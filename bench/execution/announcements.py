"""The lines that are printed while a study is carried out."""

from __future__ import annotations

from collections.abc import Sequence

from bench.context import Context
from bench.encoding.device import environment
from bench.errors import first_line
from bench.progress import duration
from bench.storage.clocks import ARTIFACT_PHASES
from bench.storage.finished_run import FinishedRun
from bench.study.arms import Arm
from bench.study.schema import Study


def first_lines(study: Study, arms: Sequence[Arm], context: Context) -> list[str]:
    """What will be done, on which device, and with which collections."""
    collection, shares = context.collection, len(study.train_shares)
    trials = sum(arm.trials for arm in arms) * shares
    finals = len(arms) * len(study.seeds) * shares
    of_shares = f", {shares} shares of the train queries" if shares > 1 else ""
    parts = ", ".join(f"{len(p.queries):,} {name}" for name, p in collection.parts.items())
    lines = [
        study.title,
        f"{len(arms)} arms: {trials} tuning trials and {finals} final runs "
        f"({len(study.seeds)} seeds{of_shares}), budget {study.budget} a run, "
        f"on {environment(context.device)['device']}",
        f"{collection.name}: {len(collection.documents):,} documents, queries: {parts}",
    ]
    for name, other in context.test_collections.items():
        count = len(other.part("test").queries)
        lines.append(f"tested on {name} too: {len(other.documents):,} documents, {count:,} queries")
    return [*lines, *(f"  {note}" for note in context.notes())]


def outcome(run: FinishedRun, measure: str, left: str) -> str:
    """How a run ended.

    Args:
        measure: the measure on dev to print.
        left: the remaining time of the study, in words.
    """
    record = run.record
    if run.status == "failed":
        return f"FAILED: {first_line(record['error'])}"
    if run.status == "pruned":
        return f"pruned after {record['examples']:,} examples · {left}"
    best = run.curve[record["best_point"]]
    seconds = sum(bill.seconds for bill in run.bills if bill.phase not in ARTIFACT_PHASES)
    return f"dev {measure} {best[measure]:.4f} · {duration(seconds)} · {left}"
