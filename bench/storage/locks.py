"""The locks of a study's folder; the operating system releases them when a process ends."""

from pathlib import Path

from filelock import FileLock


def study_lock(out: Path) -> FileLock:
    """Held by the process that carries out the study, until its report is drawn."""
    return FileLock(out / ".lock")


def report_lock(out: Path) -> FileLock:
    """Held by the process that draws the report, ``bench run`` or ``bench report``."""
    return FileLock(out / ".report.lock")
