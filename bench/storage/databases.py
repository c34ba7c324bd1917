"""SQLite files: how they are addressed, and patience with one that another process holds."""

from __future__ import annotations

import functools
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
"""Seconds for which a database is waited for; SQLite itself waits 5 s before it says anything."""

T = TypeVar("T")
_ESCAPED = {ord(sign): f"%{ord(sign):02X}" for sign in "%?#"}


def sqlite_url(path: Path | str) -> str:
    """The URL of a database, as SQLAlchemy reads it."""
    return f"sqlite:///{str(path).translate(_ESCAPED)}"


def is_locked(error: BaseException) -> bool:
    """Whether an error, or one that it came from, says that another process holds the database."""
    return any("is locked" in str(one) and "database" in str(one) for one in causes(error))


def patiently(database: str, action: Callable[[], T]) -> T:
    """What ``action`` returns, which is tried again while another process holds the database.

    Args:
        database: its URL.
        action: may be stopped anywhere and begun again.

    Raises:
        BusyError: it is held for too long.
    """
    began = time.monotonic()
    told, file = False, unquote(database.removeprefix("sqlite:///"))
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


def patient(method: Callable[..., T]) -> Callable[..., T]:
    """The method, called `patiently`; its object says in ``database`` which one it needs."""

    @functools.wraps(method)
    def called(self: Any, *arguments: Any, **options: Any) -> T:
        return patiently(self.database, lambda: method(self, *arguments, **options))

    return called


def read_distributions(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Study, parameter and distribution of each value that Optuna drew, oldest first.

    Optuna itself is not needed. Nothing of a file that is not there or cannot be read.
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
