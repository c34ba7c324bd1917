"""SQLite files: their URLs, and waiting while another process locks one."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from bench.errors import BusyError, causes
from bench.progress import say

PATIENCE = 60.0
"""Seconds to wait for a locked database; each attempt takes SQLite's own 5 s before it fails."""

T = TypeVar("T")
_ESCAPED = {ord(sign): f"%{ord(sign):02X}" for sign in "%?#"}


def sqlite_url(path: Path | str) -> str:
    """The SQLAlchemy URL of a database file."""
    return f"sqlite:///{str(path).translate(_ESCAPED)}"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database's URL, as `sqlite_url` makes it; `None` for other databases."""
    if not url.startswith("sqlite:///"):
        return None
    return Path(unquote(url.removeprefix("sqlite:///").partition("?")[0]))


def is_locked(error: BaseException) -> bool:
    """Whether an error, or one of its causes, says that another process locks the database."""
    return any("is locked" in str(one) and "database" in str(one) for one in causes(error))


def retry_while_locked(database: str, action: Callable[[], T]) -> T:
    """Call ``action``, repeating it while another process locks the database.

    Args:
        database: its URL.
        action: must be safe to repeat after it failed at any point.

    Raises:
        BusyError: the database stays locked for more than `PATIENCE` seconds.
    """
    began = time.monotonic()
    told, file = False, sqlite_file(database)
    while True:
        try:
            return action()
        except Exception as error:
            if not is_locked(error):
                raise
        waited = time.monotonic() - began
        if waited > PATIENCE:
            raise BusyError(
                f"{file}: another process has held it for {waited:.0f} s (a dashboard?); "
                "nothing is lost, the same command goes on once it is free"
            )
        if not told:
            say(f"{file}: another process holds it (a dashboard?); waiting for it")
            told = True
        time.sleep(0.5)


def read_distributions(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """(study, parameter, distribution) of each value that Optuna proposed, oldest first.

    Works without Optuna. Empty if the file is missing or cannot be read.
    """
    query = (
        "SELECT study_name, param_name, distribution_json FROM trial_params "
        "JOIN trials USING (trial_id) JOIN studies USING (study_id) ORDER BY param_id"
    )
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as file:
            return [(study, name, json.loads(text)) for study, name, text in file.execute(query)]
    except sqlite3.Error:
        return []
