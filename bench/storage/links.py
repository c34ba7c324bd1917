"""links.json: where to find a study's runs in MLflow and its arms in Optuna."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.lazy import Library
from bench.storage.databases import retry_while_locked, sqlite_url
from bench.storage.files import write_text

if TYPE_CHECKING:
    import optuna
else:
    optuna = Library("optuna")


def write_links(
    out: Path, storage: str, optuna_studies: Mapping[str, str], mlflow: Mapping[str, Any] | None
) -> None:
    """Write links.json into the study's folder.

    Args:
        storage: the URL of Optuna's file in that folder.
        optuna_studies: the name of each arm's Optuna study.
        mlflow: uri, experiment, and runs (MLflow's id of each run); `None` if this call tracked
            nothing, which keeps what links.json has.
    """

    def look_up() -> dict[str, int]:
        file = optuna.storages.get_storage(storage)
        return {
            arm: file.get_study_id_from_name(name) for arm, name in sorted(optuna_studies.items())
        }

    studies = retry_while_locked(storage, look_up)
    links: dict[str, Any] = {"optuna": {"storage": Path(storage).name, "studies": studies}}
    if mlflow is not None:
        links["mlflow"] = {**mlflow, "uri": shareable_url(mlflow["uri"])}
    elif known := read_links(out).get("mlflow"):
        links["mlflow"] = known
    write_text(out / "links.json", json.dumps(links, indent=1, sort_keys=True) + "\n")


def read_links(out: Path) -> dict[str, Any]:
    """The content of links.json; empty if it cannot be read, because no result depends on it."""
    try:
        links = json.loads((out / "links.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return links if isinstance(links, dict) else {}


def shareable_url(url: str) -> str:
    """MLflow's URL for a page that may be passed on.

    Passwords and queries are removed; a file's path is made relative to the current folder.
    """
    current = f"{sqlite_url(Path.cwd())}/"
    if url.startswith(current):
        return f"sqlite:///{url.removeprefix(current)}"
    if url.startswith("sqlite:") or "://" not in url:
        return url  # of a file, whose name may contain @ and ?
    return re.sub(r"//.*@", "//", url).partition("?")[0]
