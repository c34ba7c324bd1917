"""Which process this is, and whether another one is still there."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process on some host.

    Attributes:
        host: its name, for people.
        machine: where its id means something, see `machine`.
        started: when, in clock ticks since the machine was booted, because ids are used again.
            Empty where the system does not say.
    """

    host: str
    machine: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Process:
        pid = os.getpid()
        try:
            started, _ = _started(pid)
        except OSError:
            started = ""
        return cls(socket.gethostname(), machine(), pid, started)

    def lives(self) -> bool | None:
        """Whether it is still there; `None` where that cannot be seen from here."""
        if self.machine != machine():
            return None
        try:
            os.kill(self.pid, 0)  # /proc may hide the processes of other users
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        try:
            started, ended = _started(self.pid)
        except OSError:
            return None
        return started == self.started and not ended

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def machine() -> str:
    """Where process ids are unique: on a host until it is booted again, in a container."""
    host = socket.gethostname()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{host} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return host


def _started(pid: int) -> tuple[str, bool]:
    """When it was started; whether it has ended, and its parent has not asked for it yet."""
    text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()  # its name, which comes before, may hold anything
    state, threads, started = fields[0], fields[17], fields[19]
    return started, state in ("Z", "X") and threads == "1"  # its threads do not all end at once
