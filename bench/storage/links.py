"""links.json: where a study's runs are in MLflow and its arms in Optuna."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.lazy import Library
from bench.storage.databases import patiently, sqlite_url
from bench.storage.files import write_text

if TYPE_CHECKING:
    import optuna
else:
    optuna = Library("optuna")


def write_links(
    out: Path, storage: str, optuna_studies: Mapping[str, str], mlflow: Mapping[str, Any] | None
) -> None:
    """Write it into the study's folder.

    Args:
        storage: the URL of Optuna's file in that folder.
        optuna_studies: the name in it of each arm's Optuna study.
        mlflow: uri, experiment and runs (MLflow's id of each run); `None` where nothing was
            tracked: what was known of it before stays.
    """

    def look_up() -> dict[str, int]:
        kept = optuna.storages.get_storage(storage)
        return {
            arm: kept.get_study_id_from_name(name) for arm, name in sorted(optuna_studies.items())
        }

    studies = patiently(storage, look_up)
    links: dict[str, Any] = {"optuna": {"storage": Path(storage).name, "studies": studies}}
    if mlflow is not None:
        links["mlflow"] = {**mlflow, "uri": for_others(mlflow["uri"])}
    elif known := read_links(out).get("mlflow"):
        links["mlflow"] = known
    write_text(out / "links.json", json.dumps(links, indent=1, sort_keys=True) + "\n")


def read_links(out: Path) -> dict[str, Any]:
    """What was written; nothing where it cannot be read, as nothing hangs on it."""
    try:
        found = json.loads((out / "links.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def for_others(url: str) -> str:
    """A page is passed on: without a password, and a file from where the study was run."""
    here = f"{sqlite_url(Path.cwd())}/"
    if url.startswith(here):
        return f"sqlite:///{url.removeprefix(here)}"
    if url.startswith("sqlite:") or "://" not in url:
        return url  # a file's, which may hold any sign
    return re.sub(r"//.*@", "//", url).partition("?")[0]
