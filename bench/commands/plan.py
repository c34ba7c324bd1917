"""``bench plan``: what a study will do, and what it will take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from bench.collections.open import open_prepared
from bench.commands.run import results_folder
from bench.context import Context
from bench.errors import BenchError, InputError
from bench.execution.comparability import find_caveats
from bench.execution.forecast import Forecast, Preparation
from bench.execution.jobs import Job
from bench.execution.model_checks import missing_models
from bench.execution.optuna_storage import OptunaStorage, storage_of
from bench.execution.past import read_all
from bench.execution.plan import (
    ArmPlan,
    ReferencePlan,
    look_into,
    plan_arm,
    plan_references,
    preparations_of,
)
from bench.execution.probe import run_probe
from bench.execution.readiness import check_arms, check_study, open_local
from bench.execution.reuse import describe_outdated, find_outdated
from bench.progress import duration
from bench.results import read_study
from bench.storage.artifacts import Artifacts
from bench.storage.finished_run import FinishedRun
from bench.study.arms import Arm
from bench.study.file import load_study
from bench.study.schema import Study


def plan_study(
    name: str,
    settings: list[str],
    out: Path | None,
    artifacts: Path,
    probe: bool,
    storage: str | None = None,
) -> None:
    """Print what the study will do, what it will take, and what is done already.

    Args:
        probe: run a miniature of the study first, and forecast from that.
        storage: the URL of Optuna's storage; by default, a file in the study's folder.

    Raises:
        InputError: the study cannot be run as it is written.
        BenchError: a run of the probe failed; the plan is printed all the same.
    """
    study = load_study(name, settings)
    arms = check_study(study)
    out = results_folder(study, out)
    check_arms(arms, out)
    context = open_local(study, Artifacts(artifacts))
    failed = run_probe(study, out / "probe", artifacts) if probe else []
    forecast = Forecast(read_all(out))
    unknown = "unknown" if probe else "unknown (try --probe)"
    finished, outdated, unread = _look_into(study, arms, context, out, storage_of(out, storage))
    plans = [
        plan_arm(study, arm, forecast, finished, share)
        for arm in arms
        for share in study.train_shares
    ]
    references = plan_references(study, arms, forecast, finished)
    preparations, unclear = preparations_of(study, plans, references, artifacts)

    _print_head(study, plans, references, out)
    if unread:
        print(unread)
    _print_caveats(study, arms, artifacts)
    for line in [*context.notes(), *describe_outdated(outdated, context)] if context else []:
        print(f"  {line}")
    if absent := [*([] if context else ["the collection"]), *missing_models(arms)]:
        print(f"not looked at, as it is not here yet: {', '.join(absent)}")
    _print_arms(plans, unknown)
    _print_sources(plans)
    _print_preparations(preparations, unclear, unknown)
    _print_references(references, unknown)
    _print_time(plans, references, preparations, unclear, unknown)
    _print_disk(study, plans, preparations, unclear, forecast, unknown)
    if failed:
        raise BenchError(f"{len(failed)} runs of the probe failed: {'; '.join(failed)}")


def _look_into(
    study: Study, arms: Sequence[Arm], context: Context | None, out: Path, storage: OptunaStorage
) -> tuple[Mapping[Job, FinishedRun], list[FinishedRun], str]:
    """(the finished jobs, runs whose collections have changed, why that is not known)."""
    if not (out / "runs").is_dir():
        return {}, [], ""
    unknown = "what is there already is not known: "
    missing = ["the collection", *missing_models(arms)] if context is None else missing_models(arms)
    if context is None or missing:
        return {}, [], f"{unknown}{', '.join(missing)} must be here to compare it"
    try:
        state = look_into(study, arms, context, out, storage)
        contexts = state.specifications.contexts.values()
        return state.runs, find_outdated(state.journal.all(), contexts, study.tested), ""
    except InputError as error:
        return {}, [], f"{unknown}{error}"


def _former(out: Path) -> Study | None:
    """The study that the folder was last used for; `None` if its file is damaged."""
    try:
        return read_study(out)
    except InputError:
        return None


def _print_head(
    study: Study,
    plans: Sequence[ArmPlan],
    references: Sequence[ReferencePlan],
    out: Path,
) -> None:
    print(study.title)
    for name in ("question", "claim", "cost"):
        if text := getattr(study, name):
            print(f"{name}: {text}")
    shares = len(study.train_shares)
    of_shares = f", {shares} shares of the train queries" if shares > 1 else ""
    trials = sum(plan.arm.trials for plan in plans)
    finals = len(plans) * len(study.seeds)
    print(
        f"{len(plans) // shares} arms: {trials:,} tuning trials and {finals:,} final runs "
        f"({len(study.seeds)} seeds{of_shares}), {len(references)} reference rows; budget "
        f"{study.budget} a run"
    )
    if study.evaluation.patience or study.tuning.pruner != "none":
        print("runs may end before their budget does; the forecast lets all of them use it")
    if (out / "study.toml").exists() and _former(out) != study:
        print(f"{out} holds another version of this study; runs that are the same are reused")


def _print_caveats(study: Study, arms: Sequence[Arm], artifacts: Path) -> None:
    """Print the study's caveats, as far as they are known without preparing collections."""
    store = Artifacts(artifacts)
    collection = open_prepared(study.collection, store)
    others = {name: open_prepared(one, store) for name, one in study.test_collections.items()}
    elsewhere = {name: one for name, one in others.items() if one}
    caveats = find_caveats(study, arms, collection, elsewhere)
    for line in (*caveats.warnings, *caveats.notes):
        print(f"note: {line}")


def _print_arms(plans: Sequence[ArmPlan], unknown: str) -> None:
    right: dict[str, Any] = {"justify": "right"}
    table = Table(
        "arm",
        *("loss", "teacher", "student", "sampler"),
        Column("runs", **right),
        Column("done", **right),
        Column("s a run", **right),
        Column("s in all", **right),
    )
    for plan in plans:
        arm = plan.arm
        table.add_row(
            escape(arm.label(plan.share)),
            *(escape(_short(entry)) for entry in (arm.loss, arm.teacher, arm.student, arm.sampler)),
            f"{plan.done + plan.to_come:,}",
            f"{plan.done:,}",
            unknown if plan.run is None else f"{sum(plan.run.values()):,.1f}",
            unknown if plan.missing is None else f"{sum(plan.missing.values()):,.1f}",
        )
    Console().print(table)


def _short(entry: object) -> str:
    text = str(entry)
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


SHORT = 32
"""Most characters of an entry in a table."""


def _print_sources(plans: Sequence[ArmPlan]) -> None:
    """Print which earlier runs the forecast is based on, their machine, and their memory."""
    arms: Counter[tuple] = Counter()
    for plan in plans:
        if plan.rates:
            first = plan.rates.runs[0]
            arms[first.study, first.steps, first.device, plan.rates.like] += 1
    for (folder, steps, device, like), count in arms.items():
        ignoring = f", of {like}" if like else ""
        print(f"seconds of {count} arms: {folder}, from {steps:,} steps a run, {device}{ignoring}")
    runs = [run for plan in plans if plan.rates for run in plan.rates.runs]
    most = max(runs, key=lambda run: run.memory, default=None)
    if most and most.memory:
        print(f"memory: {most.memory / 1e9:,.1f} GB at most, of those runs, on {most.device}")


def _print_preparations(
    preparations: Sequence[Preparation], unclear: Sequence[str], unknown: str
) -> None:
    by_kind: dict[str, list[Preparation]] = defaultdict(list)
    for preparation in preparations:
        by_kind[preparation.kind].append(preparation)
    right: dict[str, Any] = {"justify": "right"}
    columns = [Column(name, **right) for name in ("needed", "there", "s to make", "s to come")]
    table = Table("to prepare", *columns)
    for kind, some in by_kind.items():
        table.add_row(
            escape(kind),
            f"{len(some):,}",
            f"{sum(one.there for one in some):,}",
            f"{sum(one.seconds for one in some):,.1f}",
            f"{_to_come(some):,.1f}",
        )
    if by_kind:
        Console().print(table)
    if unclear:
        print(f"to prepare for {len(unclear)} arms: {unknown}")


def _to_come(preparations: Iterable[Preparation]) -> float:
    """Seconds to make the artifacts that do not exist yet."""
    return sum(one.seconds for one in preparations if not one.there)


def _print_references(references: Sequence[ReferencePlan], unknown: str) -> None:
    table = Table("reference row", "done", Column("seconds", justify="right"))
    for reference in references:
        seconds = unknown if reference.seconds is None else f"{reference.seconds:,.1f}"
        table.add_row(escape(reference.label), "yes" if reference.done else "no", seconds)
    Console().print(table)


def _print_time(
    plans: Sequence[ArmPlan],
    references: Sequence[ReferencePlan],
    preparations: Sequence[Preparation],
    unclear: Sequence[str],
    unknown: str,
) -> None:
    """Print the total time and its parts."""
    parts: dict[str, float] = defaultdict(float)
    for plan in plans:
        for part, part_seconds in (plan.missing or {}).items():
            parts[part] += part_seconds
    missing = [reference for reference in references if not reference.done]
    parts["reference rows"] = sum(reference.seconds or 0.0 for reference in missing)
    parts["preparing"] = _to_come(preparations)
    gaps = bool(unclear) or any(plan.missing is None for plan in plans)
    gaps = gaps or any(reference.seconds is None for reference in missing)
    details = ", ".join(f"{part} {duration(seconds)}" for part, seconds in parts.items() if seconds)
    total = duration(sum(parts.values()))
    if not details:
        print(f"time: {unknown if gaps else total}")
    else:
        print(f"time: {'at least ' if gaps else ''}{total} ({details})")


def _print_disk(
    study: Study,
    plans: Sequence[ArmPlan],
    preparations: Sequence[Preparation],
    unclear: Sequence[str],
    forecast: Forecast,
    unknown: str,
) -> None:
    """Print the disk space for kept students and for artifacts that have to be made."""
    students: list[float | None] = []
    if study.keep_students:
        wanted = Counter(str(plan.arm.student) for plan in plans for _ in plan.seeds)
        for student, count in wanted.items():
            size = forecast.kept_bytes(student)
            students.append(None if size is None else count * size)
    artifacts = [one.bytes for one in preparations if not one.there]
    artifacts += [None for _ in unclear]
    print(
        f"disk: kept students {_bytes(students, unknown)}, artifacts {_bytes(artifacts, unknown)}"
    )


def _bytes(sizes: Sequence[float | None], unknown: str) -> str:
    known = [size for size in sizes if size is not None]
    if sizes and not known:
        return unknown
    return f"{'at least ' if len(known) < len(sizes) else ''}{sum(known) / 1e6:,.1f} MB"
