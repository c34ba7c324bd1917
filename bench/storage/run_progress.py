"""How far a run is, in its folder: for whoever looks on, in this process or another one."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from bench.storage.quick_files import read_quickly, write_quickly
from bench.storage.records import RunFolder

SELDOM = 1.0
"""Least seconds between two writes."""


@dataclass(frozen=True)
class RunProgress:
    """What a worker does with a run just now.

    Attributes:
        what: which run it is, in words.
        doing: how far it is, in words.
        since, at: when this worker began with it, and when this was written (Unix time).
        host, pid: the worker's process.
        log: the file with all that the worker prints; empty if that is the terminal.
    """

    what: str
    doing: str
    since: float
    at: float
    host: str
    pid: int
    log: str = ""

    @classmethod
    def read(cls, folder: RunFolder) -> RunProgress | None:
        """What is written in the run's folder; `None` if nothing is, or if it cannot be read."""
        return read_quickly(cls, folder.progress)


class ProgressWriter:
    """Writes a run's progress; a callable that takes what is being done."""

    def __init__(self, folder: RunFolder, what: str, log: str) -> None:
        self._folder = folder
        self._what = what
        self._log = log
        self._since = time.time()
        self._last = 0.0

    def __call__(self, doing: str) -> None:
        now = time.time()
        if now - self._last < SELDOM or not self._folder.path.is_dir():
            return
        self._last = now
        progress = RunProgress(
            self._what, doing, self._since, now, socket.gethostname(), os.getpid(), self._log
        )
        write_quickly(self._folder.progress, progress)
