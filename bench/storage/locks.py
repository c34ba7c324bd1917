"""The locks of a study's folder; the system opens them when a process ends, however it does."""

from pathlib import Path

from filelock import FileLock


def study_lock(out: Path) -> FileLock:
    """Held by who carries the study out, until its report is drawn."""
    return FileLock(out / ".lock")


def report_lock(out: Path) -> FileLock:
    """Held by who draws the report: ``bench run``, or ``bench report`` beside it."""
    return FileLock(out / ".report.lock")
