"""How far a study is, in its folder: for whoever looks on from another process."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench.storage.files import read_json

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
        """Write it whole; it is not synchronized with the disk, because nothing depends on it."""
        aside = out / f".{FILE}.part"
        aside.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        os.replace(aside, out / FILE)

    @classmethod
    def read(cls, out: Path) -> StudyProgress | None:
        """What is written in a study's folder; `None` if nothing is, or if it cannot be read."""
        try:
            values = read_json(out / FILE)
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return None
