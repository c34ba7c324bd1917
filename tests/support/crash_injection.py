"""`bench` in processes of its own that start in a fraction of a second, and are stopped anywhere.

A fork server has everything imported already. Hooks see every durable change a study makes: files
that take their place or are deleted, trials, and MLflow's runs. Each is an event of some kind, by
which it is found again in another process.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import bench
import reports

OURS = [
    ".".join(path.relative_to(folder.parent).with_suffix("").parts)
    for folder in (Path(bench.__file__).parent, Path(reports.__file__).parent)
    for path in sorted(folder.rglob("[!_]*.py"))
]
THEIRS = [
    "fontTools.subset",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
    "mlflow.store.tracking.sqlalchemy_store",
    "pytrec_eval",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
]
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([*OURS, *THEIRS])

CALLS = {
    "optuna.storages": tuple(
        f"RDBStorage.{name}"
        for name in (
            "__init__",
            "create_new_study",
            "set_study_user_attr",
            "_create_new_trial",
            "_set_trial_param",
            "set_trial_user_attr",
            "set_trial_system_attr",
            "set_trial_intermediate_value",
            "set_trial_state_values",
        )
    ),
    "bench.execution.proposals": (
        "Proposals.get",
        "Proposals.describe",
        "Proposals.tell",
        "Proposals.record_fixed",
    ),
    "bench.storage.journal": ("Journal.begin", "Journal.add", "Journal.assign"),
    "bench.execution.tracking": ("Tracker.log_run", "Tracker.log_report"),
    "mlflow": (
        "MlflowClient.create_experiment",
        "MlflowClient.create_run",
        "MlflowClient.log_batch",
        "MlflowClient.log_artifact",
        "MlflowClient.set_terminated",
    ),
}
"""Calls that change what another program keeps."""

Event = Callable[[str], None]
"""Told ``before …`` and ``after …`` of every change."""


@dataclass(frozen=True)
class Script:
    """Where processes kill themselves, one after the other: at each of these moments once.

    Attributes:
        log: a line a moment, of all processes so far.
        skips: of each moment, how many of its kind are let pass.
    """

    log: Path
    skips: Mapping[str, int] = field(default_factory=dict)

    def seen(self) -> Counter[str]:
        return Counter(self._lines())

    def killed(self) -> set[str]:
        return {line.removeprefix("killed ") for line in self._lines() if line.startswith("killed")}

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def start(folder: Path, *arguments: str, hook: Any = None, **environment: str) -> Any:
    """The command, started in ``folder``; what it says is in the file ``said(folder)``.

    Args:
        hook: called in the process before the command, to be picklable.
    """
    process = processes.Process(target=_run, args=(folder, arguments, hook, environment))
    process.start()
    return process


def finish(folder: Path, *arguments: str, hook: Any = None, **environment: str) -> tuple[int, str]:
    """(exit code, what it said) of the command; the code of a killed one is negative."""
    process = start(folder, *arguments, hook=hook, **environment)
    process.join()
    return process.exitcode, said(folder).read_text()


def said(folder: Path) -> Path:
    """Beside the folder, not in it: that may be on a disk that is full."""
    return folder.with_name(f"{folder.name}.said.txt")


def _run(folder: Path, arguments: tuple[str, ...], hook: Any, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    output = os.open(said(folder), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = ["bench", *arguments]
    if hook is not None:
        hook()
    from bench import cli

    cli.main()


# -- hooks, in the process -------------------------------------------------------------------------


def die_by(script: Script) -> None:
    """Kill this process as the script says."""
    script.log.parent.mkdir(parents=True, exist_ok=True)
    done, seen = script.killed(), script.seen()

    def event(moment: str) -> None:
        seen[moment] += 1
        dies = moment not in done and seen[moment] > script.skips.get(moment, sys.maxsize)
        with script.log.open("a") as log:
            log.write(f"{moment}\nkilled {moment}\n" if dies else f"{moment}\n")
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)

    hook_into(event)


def hook_into(event: Event) -> None:
    """Tell of every durable change below the current folder, before and after it."""
    about = about_files(Path.cwd())
    hook(os, "replace", event, lambda source, target, **_: about(target))
    # By a descriptor it is a part of a folder that is deleted whole.
    hook(os, "unlink", event, lambda path, dir_fd=None: dir_fd is None and _gone(about(path)))
    hook(shutil, "rmtree", event, lambda path, *_, **__: _gone(about(path), path))
    hook_calls(event)


def hook_calls(event: Event) -> None:
    for module, names in CALLS.items():
        for name in names:
            owner, method = name.split(".")
            hook(getattr(import_module(module), owner), method, event, lambda *_, n=name, **__: n)


def about_files(here: Path) -> Callable[[Any], str | None]:
    """The kind of a path below a folder; `None` for others."""

    def about(path: Any) -> str | None:
        try:
            return kind_of(Path(os.path.abspath(path)).relative_to(here))
        except ValueError:
            return None

    return about


def kind_of(path: Path) -> str | None:
    """A path without what differs between two files of a kind.

    `None` for what nobody reads: what is half-written, or for MLflow to look at.
    """
    text = re.sub(r"(?<![\w.])\.?[0-9a-f]{16}(?![0-9a-f])", "*", str(path))
    # What every artifact has, whatever it is.
    text = re.sub(r"[^/]+(?=/\*-\*\.work(/\.shards\.json|/artifact\.json)?$)", "*", text)
    text = re.sub(r"[^/]+-\*(?=\.lease/\*$)", "*", text)
    if ".part" in text or "mlflow-artifacts" in text or path.name == "progress.json":
        return None
    return re.sub(r"-*\d+", "#", text)


def _gone(kind: str | None, folder: Any = None) -> str | None:
    """The kind of a deletion; of a folder it has begun already, so that a kill leaves half."""
    if kind and folder and (files := [path for path in Path(folder).rglob("*") if path.is_file()]):
        os.remove(min(files))
    return kind and f"{kind} deleted"


def hook(owner: Any, name: str, event: Event, kind_of_call: Any) -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def hooked(*arguments: Any, **options: Any) -> Any:
        kind = kind_of_call(*arguments, **options)
        if kind:
            event(f"before {kind}")
        result = real(*arguments, **options)
        if kind:
            event(f"after {kind}")
        return result

    setattr(owner, name, hooked)
