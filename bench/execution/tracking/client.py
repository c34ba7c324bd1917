"""Opens MLflow: a client that is soon back from a server that is away, and says nothing itself."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from bench.lazy import Library
from bench.storage.databases import sqlite_file, sqlite_url
from bench.storage.files import atomic

if TYPE_CHECKING:
    import mlflow
else:
    mlflow = Library("mlflow")

_SETTINGS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # It would print the server's address after every run, with the password.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # What fails is tried again later, but training waits meanwhile: by default for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}

_LOGGERS = ("alembic", "mlflow.store.db.utils", "urllib3.connectionpool")
"""Loggers of what is told in one line (`bench.execution.tracking.failures`), or of no interest."""


def open_client(uri: str) -> Any:
    """MLflow's client; a SQLite file is made if it does not exist."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="mlflow")
    file = sqlite_file(uri)
    if file:
        _make_database(file)
    return _client(uri)


def _client(uri: str) -> Any:
    """MLflow's client, which creates the tables of a new database.

    An escaped URL needs a driver's name, or MLflow makes a folder with the escaped name.
    """
    if "%" in uri:
        uri = uri.replace("sqlite:///", "sqlite+pysqlite:///", 1)
    return mlflow.MlflowClient(tracking_uri=uri)


def _make_database(path: Path) -> None:
    """Create MLflow's database atomically if it does not exist.

    MLflow creates its tables in many steps and cannot use a database if one was interrupted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            for left in path.parent.glob(f".{path.name}.*.part"):
                left.unlink()
            with atomic(path) as aside:
                _client(sqlite_url(aside))
