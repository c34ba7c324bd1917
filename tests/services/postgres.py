"""A real PostgreSQL server on this machine, which can be stopped and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

USER, DATABASE = "bench", "postgres"


def find_programs() -> Path | None:
    """The folder of PostgreSQL's programs; `None` if it is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class PostgresServer:
    """A server with one user, who has a password; it is started when it is made.

    Attributes:
        port: on 127.0.0.1.
    """

    def __init__(self, password: str) -> None:
        programs = find_programs()
        assert programs is not None
        self._programs = programs
        self._password = password
        self._folder = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
        self._folder.chmod(0o755)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        (self._folder / "password").write_text(password)
        if os.geteuid() == 0:  # it refuses to run as root
            user = next(name for name in ("postgres", "nobody") if _exists(name))
            self._as = ["runuser", "-u", user, "--"]
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, user)
        else:
            self._as = []
        options = ["--username", USER, "--auth", "scram-sha-256", "--no-sync"]
        self._call(
            "initdb", "--pgdata", self._data, *options, "--pwfile", self._folder / "password"
        )
        self.start()

    def url(self, password: str | None = None) -> str:
        """The URL for Optuna, with the right password or another one."""
        secret = quote(password or self._password, safe="")
        return f"postgresql://{USER}:{secret}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "off",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        log = self._folder / "log"
        self._call("pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it without a word to its clients."""
        self._call("pg_ctl", "stop", "-D", self._data, "-m", mode)

    def remove(self) -> None:
        """Stop it, and delete all that it has."""
        subprocess.run(
            [*self._as, self._programs / "pg_ctl", "stop", "-D", self._data, "-m", "immediate"],
            cwd=self._folder, capture_output=True, check=False,
        )  # fmt: skip
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _call(self, program: str, *arguments: object) -> None:
        # Not through pipes, which the server would keep open.
        with (self._folder.with_suffix(".log")).open("ab") as log:
            command = [*self._as, self._programs / program, *map(str, arguments)]
            subprocess.run(command, cwd=self._folder, stdout=log, stderr=log, check=True)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
