"""The locks of a study's folder, which several hosts may share.

MLflow's SQLite file (`bench.execution.tracking`) keeps to a lock of the operating system: SQLite
needs those itself.
"""

from contextlib import AbstractContextManager
from pathlib import Path

from bench.storage.lease import Lease, hold


def study_lock(out: Path) -> AbstractContextManager[Lease]:
    """Held by the process that carries out the study, until its report is drawn.

    Raises:
        BusyError: another process holds it.
    """
    return hold(out / ".study.lease", f"{out}: another `bench run` is at work there", patience=0)


def report_lock(out: Path) -> AbstractContextManager[Lease]:
    """Held by the process that draws the report, ``bench run`` or ``bench report``."""
    return hold(out / ".report.lease", f"{out}: its report is being drawn")
