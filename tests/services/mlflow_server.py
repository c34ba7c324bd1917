"""A real MLflow server on this machine, which can be killed and started again at its address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from bench.storage.databases import sqlite_url


class MlflowServer:
    """A server that keeps everything in a folder; it is not started yet.

    Attributes:
        address: host and port.
        store: the URI of the database, for a client that needs no server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{one.getsockname()[1]}"
        self.store = sqlite_url(folder / "server.db")
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        host, port = self.address.split(":")
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", host, "--port", port, "--backend-store-uri", self.store]
        command += ["--artifacts-destination", str(self._folder / "server-artifacts")]
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that its workers are killed with it
            )
        until = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise TimeoutError(f"MLflow does not answer; its log is {log.name}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it, if it runs, at whatever it does."""
        if self._process:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """From now on it takes calls and never answers, until it is thawed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.address}/health", timeout=1).ok
        except requests.RequestException:
            return False
