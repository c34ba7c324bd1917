"""Where a study's runs are in MLflow and its arms in Optuna's dashboard, as far as it is known."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, NonNegativeInt, ValidationError

from bench.storage.databases import sqlite_url
from bench.storage.links import read_links
from reports.tables.base import Cell

MLFLOW, OPTUNA = "http://127.0.0.1:5000", "http://127.0.0.1:8080"
"""Where both are found on the machine on which they are started."""


@dataclass(frozen=True)
class Link(Cell):
    """A cell that leads somewhere, if there is somewhere to go."""

    href: str = ""


@dataclass(frozen=True)
class Links:
    """What may be linked.

    Attributes:
        runs: an address for each run's id.
        arms: an address for each arm.
        servers: what has to be started before its links lead anywhere, and how.
    """

    runs: Mapping[str, str] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)
    servers: Sequence[tuple[str, str]] = ()


class _MLflow(BaseModel):
    uri: str
    experiment: str
    runs: dict[str, str]


class _Optuna(BaseModel):
    storage: str
    studies: dict[str, NonNegativeInt]


class _Written(BaseModel):
    mlflow: _MLflow | None = None
    optuna: _Optuna | None = None


def links_of(folder: Path, shown_as: str) -> Links:
    """The links of a study's folder, http or https; none where ``links.json`` says nonsense.

    Args:
        shown_as: the folder, as commands name it.
    """
    try:
        written = _Written.model_validate(read_links(folder))
    except ValidationError:
        return Links()
    mlflow = _mlflow(written.mlflow) if written.mlflow else Links()
    optuna = _optuna(written.optuna, shown_as) if written.optuna else Links()
    return Links(mlflow.runs, optuna.arms, [*mlflow.servers, *optuna.servers])


def _mlflow(written: _MLflow) -> Links:
    uri, servers = written.uri, []
    if not uri.startswith(("http://", "https://")):
        servers = [("MLflow", shlex.join(["mlflow", "ui", "--backend-store-uri", uri]))]
        uri = MLFLOW
    experiment = f"{uri.rstrip('/')}/#/experiments/{quote(written.experiment, safe='')}"
    runs = {run: f"{experiment}/runs/{quote(id, safe='')}" for run, id in written.runs.items()}
    return Links(runs=runs, servers=servers if runs else ())


def _optuna(written: _Optuna, folder: str) -> Links:
    storage = written.storage
    url = storage if "://" in storage else sqlite_url(f"{folder}/{storage}")
    arms = {arm: f"{OPTUNA}/dashboard/studies/{id}" for arm, id in written.studies.items()}
    servers = [("Optuna", shlex.join(["optuna-dashboard", url]))]
    return Links(arms=arms, servers=servers if arms else ())
