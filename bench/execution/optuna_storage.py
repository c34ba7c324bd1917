"""Optuna's storage of a study: a SQLite file in its folder, or any other that Optuna has."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.errors import BusyError, InputError, causes, first_line
from bench.lazy import Library
from bench.progress import say
from bench.storage.databases import retry_while_locked, sqlite_file, sqlite_url
from bench.storage.files import damaged
from bench.storage.urls import credentials, redact, shareable_url

if TYPE_CHECKING:
    import optuna
    import sqlalchemy
    from optuna.trial import FrozenTrial
else:
    optuna = Library("optuna")
    sqlalchemy = Library("sqlalchemy")

STORAGE = "optuna.db"
"""Optuna's storage in a study's folder, where no other is asked for."""

JOURNAL = "journal:"
"""Begins the URL of a file of Optuna's JournalStorage, which hosts may share on any file system."""

AT_FIRST, LATER = 60.0, 3600.0
"""Seconds to wait for a server: that was never reached, and that was."""

REFUSED = ("password", "authentication", "does not exist", "role ", "access denied")
"""In errors of servers that answer, and that no waiting mends."""

T = TypeVar("T")


class OptunaStorage:
    """One storage, which is opened when it is first used.

    Its actions are repeated while another process locks the file, or while the server is away.

    Args:
        url: ``sqlite:///FILE``, ``postgresql://USER@HOST/DATABASE``, ``journal:FILE``, or any
            other that Optuna takes.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._reached = False

    @property
    def shareable(self) -> str:
        """The URL without credentials; the file's name, if it is a file in a study's folder."""
        file = sqlite_file(self.url)
        return file.name if file is not None and file.name == STORAGE else shareable_url(self.url)

    @cached_property
    def backend(self) -> optuna.storages.BaseStorage:
        """Optuna's own object.

        Raises:
            InputError: the URL names nothing that can be opened.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if self.url.startswith(JOURNAL):
            file = Path(self.url.removeprefix(JOURNAL))
            file.parent.mkdir(parents=True, exist_ok=True)
            backend = optuna.storages.journal.JournalFileBackend(str(file))
            return optuna.storages.JournalStorage(backend)
        if sqlite_file(self.url) is not None:
            return optuna.storages.get_storage(self.url)
        url = self.url.replace("postgresql://", "postgresql+psycopg://", 1)
        try:
            # Checked before it is used: a connection may be of a server that was restarted.
            database = optuna.storages.RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
        except ImportError:
            raise InputError(
                f"--storage {self.shareable}: its driver is not installed; for PostgreSQL: "
                "pip install 'retrieval-bench[postgresql]'"
            ) from None
        except (ValueError, sqlalchemy.exc.ArgumentError) as error:
            raise InputError(
                f"--storage {self.shareable}: {self._redact(first_line(error))}; it is written "
                "like postgresql://USER@HOST/DATABASE or journal:FILE"
            ) from None
        return optuna.storages.get_storage(database)

    def exists(self) -> bool:
        """Whether there can be anything in it; a file that is missing is not made."""
        file = sqlite_file(self.url)
        if self.url.startswith(JOURNAL):
            file = Path(self.url.removeprefix(JOURNAL))
        return file is None or file.exists()

    def trials(self, name: str) -> list[FrozenTrial] | None:
        """The trials of the Optuna study of this name; `None` if there is no such study."""
        if not self.exists():
            return None
        try:
            study = self.backend.get_study_id_from_name(name)
        except KeyError:
            return None
        return self.backend.get_all_trials(study, deepcopy=False)

    def ids(self, names: Collection[str]) -> dict[str, int]:
        """The ids of Optuna studies by their names."""
        return self.attempt(
            lambda: {name: self.backend.get_study_id_from_name(name) for name in sorted(names)}
        )

    def copy_to(self, path: Path, names: Collection[str]) -> None:
        """Copy Optuna studies into a new SQLite file, which takes no part in anything else."""
        copy = optuna.storages.get_storage(sqlite_url(path))
        for name in names:
            optuna.copy_study(from_study_name=name, from_storage=self.backend, to_storage=copy)

    def attempt(self, action: Callable[[], T]) -> T:
        """Call ``action``, and repeat it while the storage is locked or away.

        Args:
            action: must be safe to repeat after it failed at any point.

        Raises:
            BusyError: it stays so for too long.
            InputError: the server refuses the user, or has no such database.
        """
        if sqlite_file(self.url) is not None:
            return retry_while_locked(self.url, action)
        began, told = time.monotonic(), False
        while True:
            try:
                result = action()
            except Exception as error:
                waited = time.monotonic() - began
                self._explain(error, waited)
                if not told:
                    say(f"Optuna's storage {self.shareable} does not answer; waiting for it")
                    told = True
                time.sleep(1)
            else:
                if told:
                    say(f"Optuna's storage {self.shareable} answers again")
                self._reached = True
                return result

    def _explain(self, error: Exception, waited: float) -> None:
        """Raise what no waiting mends; return if it is worth trying again."""
        away = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, ConnectionError)
        cause = next((one for one in causes(error) if isinstance(one, away)), None)
        if cause is None:
            raise error
        why = self._redact(first_line(getattr(cause, "orig", None) or cause))
        if any(sign in why.lower() for sign in REFUSED) and not self._reached:
            raise InputError(f"--storage {self.shareable}: {why}") from None
        if waited > (LATER if self._reached else AT_FIRST):
            raise BusyError(
                f"Optuna's storage {self.shareable} has not answered for {waited:.0f} s ({why}); "
                "nothing is lost, the same command goes on once it does"
            ) from None

    def _redact(self, text: str) -> str:
        return redact(text, credentials(self.url))


def storage_of(out: Path, url: str | None) -> OptunaStorage:
    """The storage of a study's folder, or another that is asked for."""
    return OptunaStorage(url or storage_url(out))


def storage_url(out: Path) -> str:
    """The URL of Optuna's storage in a study folder."""
    return sqlite_url((out / STORAGE).resolve())


def check_storage(out: Path) -> None:
    """Check that Optuna's storage in a study folder can be read, if it exists.

    Raises:
        InputError: it is damaged.
    """
    path = out / STORAGE
    if not path.exists():
        return
    mend = "delete it, and `bench run` makes it again from the records of the runs"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            (result,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.OperationalError:
        return  # locked, for example; opening it later gives the error
    except sqlite3.DatabaseError as error:
        raise damaged(path, error, mend) from None
    if result != "ok":
        raise damaged(path, result, mend)
    if tables and not {"studies", "trials"} <= tables:
        raise damaged(path, "a database of something else", mend)
