"""How the threads of a computation wait for each other."""

from __future__ import annotations

import os

SPINS = "1000"
"""Some microseconds: by default threads spin for milliseconds."""


def wait_briefly() -> None:
    """Let threads sleep soon where they wait, which is heeded if torch is not loaded yet.

    A thread that spins takes a core from whatever else runs there. Beside a process that keeps
    all cores busy, a step of training takes three times as long as alone where threads spin, and
    twice as long, its fair share, where they do not.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
