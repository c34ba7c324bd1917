"""Telling the person in front of the terminal what is going on, and how long still.

In a terminal there is one live line below the messages; elsewhere (a log file, CI) each message is
a plain line and the live line is left out.
"""

import time
from functools import cache

from rich.console import Console
from rich.markup import escape
from rich.status import Status

console = Console(stderr=True, highlight=False, soft_wrap=True)
_status: Status | None = None


def say(message: str) -> None:
    """A line that stays."""
    console.print(escape(message))


@cache
def say_once(message: str) -> None:
    """The same, however often a process comes by."""
    say(message)


def narrate(message: str) -> None:
    """What is being done right now: the live line."""
    global _status
    if not console.is_terminal:
        return
    if _status is None:
        _status = console.status("")
        _status.start()
    _status.update(escape(message))


def quiet() -> None:
    """Take the live line away."""
    global _status
    if _status is not None:
        _status.stop()
        _status = None


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Countdown:
    """Time left of a number of jobs, from the mean of those this process has finished."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.done = 0
        self._since = time.monotonic()
        self._worked = 0

    def skip(self) -> None:
        """A job that was finished before."""
        self.done += 1

    def finish(self) -> None:
        """A job that was done now."""
        self.done += 1
        self._worked += 1

    def left(self) -> str:
        if not self._worked:
            return "time left unknown yet"
        mean = (time.monotonic() - self._since) / self._worked
        return f"about {duration(mean * (self.jobs - self.done))} left"
