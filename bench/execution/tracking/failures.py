"""What may be wrong with MLflow: whether it passes by itself, and how it is told in one line."""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from bench.errors import BenchError, causes, first_line
from bench.lazy import Library
from bench.storage.databases import is_locked, sqlite_file
from bench.storage.files import disk_is_full
from bench.storage.urls import credentials, redact, shareable_url

if TYPE_CHECKING:
    import requests
    import sqlalchemy
else:
    requests = Library("requests")
    sqlalchemy = Library("sqlalchemy")

PATIENCE = 3.0
"""Seconds that a server may take to answer."""

LOCK_PATIENCE = 0.5
"""Seconds to wait for another process that writes into the same SQLite file."""

LONGEST = 200
"""Most characters of others' messages that are printed."""

_VARIABLES = [f"MLFLOW_TRACKING_{name}" for name in ("USERNAME", "PASSWORD", "TOKEN")]


class AwayError(BenchError):
    """MLflow's server does not answer, or its file is locked."""


def check_answers(uri: str) -> None:
    """Find out in seconds whether MLflow's store can be used; MLflow itself may take minutes.

    Raises:
        AwayError: it cannot be used now.
    """
    file = sqlite_file(uri)
    if file:
        if file.exists() and _is_held(str(file)):
            raise AwayError(f"{shareable_url(uri)} is locked by another process")
    elif uri.startswith(("http://", "https://")):
        _check_server(uri)
    elif uri.startswith(("postgresql", "mysql", "mssql")):
        _check_database(uri)


def passes(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    return is_locked(error) or any(_passes(one) for one in causes(error))


def reason(error: BaseException, uri: str) -> str:
    """The error in one line, with advice if there is any, and without credentials."""
    url = shareable_url(uri)
    if disk_is_full(error):
        return "the disk is full"
    if isinstance(error, BenchError):
        return str(error)  # has advice
    if is_locked(error):
        return f"{url} is locked by another process"
    if any(_is_silence(one) for one in causes(error)):
        return f"{url} does not answer"
    message = _shareable(error, uri)
    if "out-of-date database schema" in message:
        return (
            f"the tables of {url} are not those of this MLflow; with a backup made, "
            f"`mlflow db upgrade {shlex.quote(url)}` brings older ones up to date"
        )
    return message


def _is_held(file: str) -> bool:
    """Whether another process keeps a SQLite file from being written to."""
    try:
        with closing(sqlite3.connect(file, timeout=LOCK_PATIENCE)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return is_locked(error)  # of other errors MLflow says more
    return False


def _check_server(uri: str) -> None:
    try:
        status = requests.head(uri, timeout=PATIENCE).status_code
    except requests.RequestException as error:
        if not _is_silence(error):
            raise
        status = 503
    if status in (502, 503, 504):  # a gateway's, in front of a dead server
        raise AwayError(f"{shareable_url(uri)} does not answer")


def _check_database(uri: str) -> None:
    url = sqlalchemy.make_url(uri)
    known = url.get_backend_name() in ("postgresql", "mysql")
    options = {"connect_timeout": round(PATIENCE)} if known else {}
    engine = sqlalchemy.create_engine(url, connect_args=options, poolclass=sqlalchemy.pool.NullPool)
    try:
        engine.connect().close()
    except sqlalchemy.exc.OperationalError as error:
        raise AwayError(f"{shareable_url(uri)}: {_shareable(error, uri)}") from None


def _is_silence(error: BaseException) -> bool:
    return isinstance(error, requests.ConnectionError | requests.Timeout) and not isinstance(
        error, requests.exceptions.SSLError
    )


def _passes(error: BaseException) -> bool:
    if isinstance(error, requests.RequestException):
        # A URL that cannot be read is a ValueError as well.
        return not isinstance(error, requests.exceptions.SSLError | ValueError)
    if isinstance(error, sqlalchemy.exc.OperationalError):
        return not isinstance(error.orig, sqlite3.Error)
    return isinstance(error, AwayError)


def _shareable(error: BaseException, uri: str) -> str:
    """The first line of another library's error, without credentials."""
    secrets = credentials(uri) | {os.environ.get(name, "") for name in _VARIABLES}
    # A secret may have several lines, so they are cut afterwards.
    message = first_line(redact(str(error), secrets) or type(error).__name__)
    return message if len(message) <= LONGEST else f"{message[:LONGEST]}…"
