"""How far a study is, in its folder: for whoever looks on from another process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bench.storage.quick_files import read_quickly, write_quickly

FILE = "progress.json"


@dataclass(frozen=True)
class StudyProgress:
    """What the process that runs a study says of it.

    Attributes:
        done, jobs: how many runs are finished, and how many there are.
        seconds: until the end, estimated when this was written; `None` if nothing is known yet.
        at: when this was written (Unix time).
    """

    done: int
    jobs: int
    seconds: float | None
    at: float

    def left(self) -> float | None:
        """Seconds until the end, estimated now."""
        if self.seconds is None:
            return None
        return max(0.0, self.seconds - (time.time() - self.at))

    def write(self, out: Path) -> None:
        """Write it into a study's folder."""
        write_quickly(out / FILE, self)

    @classmethod
    def read(cls, out: Path) -> StudyProgress | None:
        """What is written in a study's folder; `None` if nothing is, or if it cannot be read."""
        return read_quickly(cls, out / FILE)
