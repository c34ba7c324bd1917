"""links.json: where to find a study's runs in MLflow and its arms in Optuna."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.storage.files import write_text
from bench.storage.urls import shareable_url


def write_links(
    out: Path, storage: str, optuna_studies: Mapping[str, int], mlflow: Mapping[str, Any] | None
) -> None:
    """Write links.json into the study's folder.

    Args:
        storage: Optuna's storage: a file in that folder, or a URL without credentials.
        optuna_studies: the id of each arm's Optuna study.
        mlflow: uri, experiment, and runs (MLflow's id of each run); `None` if this call tracked
            nothing, which keeps what links.json has.
    """
    studies = dict(sorted(optuna_studies.items()))
    parts: dict[str, Any] = {"optuna": {"storage": storage, "studies": studies}}
    if mlflow is not None:
        parts["mlflow"] = _shareable(mlflow)
    _update(out, parts)


def write_run_links(out: Path, mlflow: Mapping[str, Any]) -> None:
    """Replace what links.json says of MLflow; the keys are those of `write_links`."""
    _update(out, {"mlflow": _shareable(mlflow)})


def read_run_links(out: Path) -> dict[str, str]:
    """MLflow's id of each run that links.json lists."""
    mlflow = read_links(out).get("mlflow")
    runs = mlflow.get("runs") if isinstance(mlflow, dict) else None
    return {run: str(id) for run, id in runs.items()} if isinstance(runs, dict) else {}


def read_links(out: Path) -> dict[str, Any]:
    """The content of links.json; empty if it cannot be read, because no result depends on it."""
    try:
        links = json.loads((out / "links.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return links if isinstance(links, dict) else {}


def _shareable(mlflow: Mapping[str, Any]) -> dict[str, Any]:
    return {**mlflow, "uri": shareable_url(mlflow["uri"])}


def _update(out: Path, parts: Mapping[str, Any]) -> None:
    links = {**read_links(out), **parts}
    write_text(out / "links.json", json.dumps(links, indent=1, sort_keys=True) + "\n")
