"""``bench run``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from bench import execution
from bench.commands._drawing import draw_report
from bench.crash import explain_errors
from bench.errors import BenchError
from bench.progress import say
from bench.storage.databases import sqlite_url
from bench.storage.files import check_place, explain_full_disk
from bench.storage.urls import shareable_url
from bench.study.file import load_study
from bench.study.schema import Study

if TYPE_CHECKING:
    from bench.execution.coordinator import Outcome
    from bench.results import Row


def run_study(
    name: str,
    settings: list[str],
    out: Path | None,
    artifacts: Path,
    mlflow: bool,
    retry_failed: bool,
    storage: str | None = None,
) -> None:
    """Finish the study of that name or file, with settings replaced; errors as in `carry_out`."""
    carry_out(load_study(name, settings), out, artifacts, mlflow, retry_failed, storage=storage)


def executor_settings(executor: str | None, workers: int | None) -> list[str]:
    """The settings of a study that these arguments stand for."""
    given = {"executor": executor, "workers": workers}
    return [f"execution.{key}={value}" for key, value in given.items() if value is not None]


def carry_out(
    study: Study,
    out: Path | None,
    artifacts: Path,
    mlflow: bool,
    retry_failed: bool = False,
    advice: str = "`bench run --retry-failed` trains them again",
    storage: str | None = None,
) -> Path:
    """Finish the study, draw its report, print the closing table; returns the study's folder.

    Args:
        advice: what to do about failed runs, for the message.
        storage: the URL of Optuna's storage; by default, a file in the study's folder.

    Raises:
        InputError: the study cannot be run as it is written.
        BenchError: a run failed, while everything else was done; or the disk is full.
    """
    out = results_folder(study, out)
    with explain_errors(out):
        outcome = _finish(study, out, artifacts, mlflow, retry_failed, storage)
    if outcome.failed:
        failed = ", ".join(map(_place, outcome.failed))
        raise BenchError(
            f"{len(outcome.failed)} runs failed: {failed}; their errors are in "
            f"{out / 'summary.csv'}; {advice}"
        )
    return out


def results_folder(study: Study, out: Path | None) -> Path:
    """The folder for the study's results, checked to be writable; it is not made yet.

    Raises:
        InputError: nothing can be written there.
    """
    out = out or Path("results") / study.name
    check_place("--out", out)
    return out


def _finish(
    study: Study,
    out: Path,
    artifacts: Path,
    mlflow: bool,
    retry_failed: bool,
    storage: str | None,
) -> Outcome:
    """Carry out what is missing, draw the report, and print where everything is."""
    uri = tracking_uri() if mlflow else None
    coordinator = execution.Coordinator(study, out, artifacts, uri, retry_failed, storage)

    with explain_full_disk(out):
        outcome = coordinator.run(lambda: coordinator.log_report(draw_report(out)))
    say(f"{outcome.done_now} runs done now, {outcome.done_before} were there before")
    if outcome.others:
        say(f"{outcome.others} more in {out / 'runs'} are of no arm of this study: kept, unused")
    say(f"report: {out / 'report' / 'index.html'}")
    if uri and coordinator.tracked:
        url = shareable_url(uri)
        is_server = uri.startswith(("http://", "https://"))
        start = shlex.join(["mlflow", "ui", "--backend-store-uri", url])
        say(f"MLflow: {url if is_server else start}")
    return outcome


def _place(row: Row) -> str:
    which = {"tuning": f", trial {row.trial}", "final": f", seed {row.seed}", "reference": ""}
    return f"{row.arm} ({row.role}{which[row.role]})"


def tracking_uri() -> str:
    """The environment variable MLFLOW_TRACKING_URI, or a SQLite file below ``results/``."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    return sqlite_url(Path("results/mlflow.db").resolve())
