"""Two ways of doing the same work, timed in processes that take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

PAIRS = 5


@dataclass(frozen=True)
class Ratio:
    """How many times as fast ours is.

    Attributes:
        pairs: (seconds of ours, seconds of theirs) of processes that ran one after the other.
        share: the work of ours, as a multiple of theirs.
    """

    pairs: tuple[tuple[float, float], ...]
    share: float = 1.0

    @property
    def each(self) -> list[float]:
        return sorted(self.share * theirs / ours for ours, theirs in self.pairs)


def compare(
    ours: str,
    theirs: str,
    environment: dict[str, str] | None = None,
    share: float = 1.0,
    warm: int = 1,
    **options: Any,
) -> Ratio:
    """The ratio of two works' times.

    Processes, because what decides how fast memory is allocated is set for a whole process.

    Args:
        ours, theirs: ``module:function`` below ``tests.performance``, as `timed` takes them.
        environment: variables for theirs.
        share: the work of ours, as a multiple of theirs.
        warm: repetitions before the one that is timed.
        options: for both.
    """
    options["warm"] = warm
    timed = []
    for turn in range(PAIRS):
        order = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
        seconds = {
            work: _seconds(work, options, (environment or {}) if work == theirs else {})
            for work in order
        }
        timed.append((seconds[ours], seconds[theirs]))
    return Ratio(tuple(timed), share)


def _seconds(work: str, options: dict[str, Any], environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "tests.performance.timed", f"tests.performance.{work}"]
    ended = subprocess.run(
        [*command, json.dumps(options)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return float(ended.stdout.splitlines()[-1])
