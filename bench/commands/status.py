"""``bench status``."""

from collections import Counter
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.errors import BenchError
from bench.execution.jobs import Job, finals_of, trials_of
from bench.execution.onlooker import describe, describe_worker, in_progress, statuses
from bench.progress import time_left
from bench.results import lost_records, read_study, read_summary
from bench.storage.locks import who_works
from bench.storage.records import Role
from bench.storage.study_progress import StudyProgress
from bench.study.arms import Arm, resolve_arms
from bench.study.schema import Study


def show_status(folder: Path) -> None:
    """Print how many runs of each arm are done, and how far those are that are being done.

    Raises:
        InputError: there are no results, or they are damaged.
        BenchError: records have been deleted that the tables cannot replace.
    """
    summary = read_summary(folder)
    study = read_study(folder)
    known = statuses(folder, summary.to_dict("records"))
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
        wanted, ends = _wanted(study, arm, share, known)
        missing += sum(job not in known for job in wanted)
        table.add_row(
            escape(arm.label(share)),
            f"{ends['tuning', 'done']}/{arm.trials}",
            f"{ends['final', 'done']}/{len(study.seeds)}",
            str(ends["tuning", "pruned"] or ""),
            str(ends["tuning", "failed"] + ends["final", "failed"] or ""),
        )
    Console().print(table)
    _print_in_progress(folder)
    if lost := lost_records(folder, summary):
        raise BenchError(lost)
    print(_what_is_left(folder, missing))


def _what_is_left(folder: Path, missing: int) -> str:
    if not missing:
        return "nothing is missing"
    if (process := who_works(folder)) is None:
        return f"{missing} runs to come; nobody is at work, `bench run` goes on"
    progress = StudyProgress.read(folder)
    left = time_left(progress.left() if progress else None)
    return f"{missing} runs to come, {left}; at work: {process}"


def _wanted(
    study: Study, arm: Arm, share: float, known: dict[Job, str]
) -> tuple[list[Job], Counter[tuple[Role, str]]]:
    """(the jobs of an arm, without final runs that no trial can be chosen for; how many of its
    jobs have ended in each way, by role and status)."""
    trials, finals = trials_of(study, arm, share), finals_of(study, arm, share)
    ends = Counter((job.role, known[job]) for job in (*trials, *finals) if job in known)
    tried = all(job in known for job in trials)
    hopeless = bool(trials) and tried and not ends["tuning", "done"]
    return trials if hopeless else [*trials, *finals], ends


def _print_in_progress(folder: Path) -> None:
    begun = in_progress(folder)
    if begun:
        print(f"begun and not finished: {len(begun)}")
    for _, progress in begun:
        if progress:
            print(f"  {describe(progress)}")
            print(f"    {describe_worker(progress)}")
