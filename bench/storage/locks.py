"""The locks of a study's folder; the system releases them when a process ends in any way."""

from pathlib import Path

from filelock import FileLock


def study_lock(out: Path) -> FileLock:
    """Held while the study is carried out, until its report is drawn."""
    return FileLock(out / ".lock")


def report_lock(out: Path) -> FileLock:
    """Held while the report is drawn, by ``bench run`` or by ``bench report`` beside it."""
    return FileLock(out / ".report.lock")
