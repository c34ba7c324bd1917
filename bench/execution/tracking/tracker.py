"""Logs runs to MLflow as they finish; while it is away they wait, and training goes on."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.execution.tracking.experiment import Experiment
from bench.execution.tracking.failures import check_answers, passes, reason
from bench.progress import narrate, say
from bench.results import Row
from bench.study.schema import Study

PAUSE = 30.0
"""Seconds between two tries while MLflow is away."""

ALLOWANCE = 6.0
"""Seconds that failed tries may take from training in all; after that, only the end tries again."""


class Tracker:
    """Logs a study, and tells in one line whatever is wrong with MLflow.

    What passes by itself (a server that is away, a locked file) makes runs wait until MLflow is
    back. Any other error turns tracking off for the rest of this process. Either way the records
    are complete, and the next ``bench run`` logs what is missing.

    Args:
        uri: MLflow's tracking URI; `None` tracks nothing.
    """

    def __init__(self, uri: str | None, study: Study, out: Path) -> None:
        self._uri = uri or ""
        self._study = study
        self._out = out
        self._off = uri is None
        self._experiment: Experiment | None = None
        self._waiting: deque[Row] = deque()
        self._away = False
        self._tried_since = self._retry_at = 0.0
        self._lost = 0.0
        self._try(self._log_waiting)

    def log_run(self, row: Row) -> None:
        """Log a finished run, unless it is logged already; while MLflow is away it waits."""
        if self._off or (self._experiment and row.folder.id in self._experiment.logged):
            return
        self._waiting.append(row)
        if time.monotonic() >= self._retry_at:
            self._try(self._log_waiting)

    def log_report(self, folder: Path) -> None:
        """Log what still waits, and attach the report to the study's own MLflow run."""

        def log_all(experiment: Experiment) -> None:
            self._log_waiting(experiment)
            experiment.log_report(folder)

        self._try(log_all)
        if self._away:
            say(
                f"MLflow: {len(self._waiting)} runs and the report wait for it; the next "
                "`bench run` logs them"
            )

    def links(self) -> dict[str, Any] | None:
        """Where the runs are: uri, experiment, MLflow's id of each run; `None` while it is away."""
        return self._experiment.links() if self._experiment else None

    def _log_waiting(self, experiment: Experiment) -> None:
        while self._waiting:
            experiment.log_run(self._waiting[0])
            self._waiting.popleft()
            self._tried_since = time.monotonic()

    def _try(self, action: Callable[[Experiment], None]) -> None:
        if self._off:
            return
        self._tried_since = time.monotonic()
        waiting = len(self._waiting)
        try:
            check_answers(self._uri)
            if self._experiment is None:
                narrate("opening MLflow")
                self._experiment = Experiment(self._uri, self._study.name, self._out)
            action(self._experiment)
        except Exception as error:
            self._experiment = None  # what comes back may be another store
            self._fail(error)
        else:
            if self._away:
                say(f"MLflow: it is back, and {waiting} runs that waited are logged")
            self._away = False

    def _fail(self, error: Exception) -> None:
        said = f"MLflow: {reason(error, self._uri)}; training goes on"
        if not passes(error):
            self._off = True
            say(f"{said} without it, the records are complete, and the next `bench run` logs them")
            return
        if not self._away:
            say(f"{said}, and finished runs wait for it")
        self._away = True
        now = time.monotonic()
        self._lost += now - self._tried_since
        self._retry_at = math.inf if self._lost > ALLOWANCE else now + PAUSE
