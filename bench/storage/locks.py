"""The locks of a study's folder, which several hosts may share.

MLflow's SQLite file (`bench.execution.tracking`) keeps to a lock of the operating system: SQLite
needs those itself.
"""

from contextlib import AbstractContextManager
from pathlib import Path

from bench.storage.lease import Lease, hold, holder

_STUDY = ".study.lease"


def study_lock(out: Path) -> AbstractContextManager[Lease]:
    """Held by the process that carries out the study, until its report is drawn.

    Raises:
        BusyError: another process holds it.
    """
    return hold(out / _STUDY, f"{out}: another `bench run` is at work there", patience=0)


def who_works(out: Path) -> str | None:
    """The process that carries out the study just now, in words; `None` if there is none."""
    return holder(out / _STUDY)


def report_lock(out: Path) -> AbstractContextManager[Lease]:
    """Held by the process that draws the report, ``bench run`` or ``bench report``."""
    return hold(out / ".report.lease", f"{out}: its report is being drawn")
