"""Prints messages, the current activity, and the remaining time.

In a terminal there is one live line below the messages; elsewhere (a log file, CI) each message is
a plain line, and there is no live line.
"""

import time
from functools import cache

from rich.console import Console
from rich.markup import escape
from rich.status import Status

console = Console(stderr=True, highlight=False, soft_wrap=True)
_status: Status | None = None


def say(message: str) -> None:
    """Print a line."""
    console.print(escape(message))


@cache
def say_once(message: str) -> None:
    """Print a line once per process, however often this is called with it."""
    say(message)


def narrate(message: str) -> None:
    """Show the current activity in the live line."""
    global _status
    if not console.is_terminal:
        return
    if _status is None:
        _status = console.status("")
        _status.start()
    _status.update(escape(message))


def quiet() -> None:
    """Remove the live line."""
    global _status
    if _status is not None:
        _status.stop()
        _status = None


def duration(seconds: float) -> str:
    """Seconds as ``45 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Countdown:
    """Estimates the time left for a number of jobs by the mean time of those finished so far."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.done = 0
        self._since = time.monotonic()
        self._worked = 0

    def skip(self) -> None:
        """Count a job that was finished before."""
        self.done += 1

    def finish(self) -> None:
        """Count a job that was finished now."""
        self.done += 1
        self._worked += 1

    def seconds_left(self) -> float | None:
        """The time left in seconds; `None` as long as it is unknown."""
        if not self._worked:
            return None
        return (time.monotonic() - self._since) / self._worked * (self.jobs - self.done)

    def left(self) -> str:
        """The time left, in words."""
        return time_left(self.seconds_left())


def time_left(seconds: float | None) -> str:
    """Seconds left as words; `None` is unknown."""
    return "time left unknown yet" if seconds is None else f"about {duration(seconds)} left"
