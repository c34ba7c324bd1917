"""Copies run records to MLflow. The copy can be made again from them, so it may fail."""

from __future__ import annotations

import logging
import os
import re
import shlex
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from bench.errors import BenchError, first_line
from bench.lazy import Library
from bench.progress import narrate, say
from bench.results import SIZES, SPEEDS, Row
from bench.storage.databases import sqlite_url
from bench.storage.files import atomic, disk_is_full
from bench.storage.links import read_links, shareable_url
from bench.study.schema import Study

if TYPE_CHECKING:
    import mlflow
    import requests
    import sqlalchemy
else:
    mlflow = Library("mlflow")
    requests = Library("requests")
    sqlalchemy = Library("sqlalchemy")

RUN_TAG = "bench.run"
KIND_TAG = "bench.kind"
FOLDER_TAG = "bench.folder"
"""Tag with the study's folder: studies of one name share an experiment, whatever their folders."""

PATIENCE = 8.0
"""Seconds to wait for a server that does not answer."""

LONGEST = 200
"""Most characters of MLflow's messages that are printed."""

_ENDS = {"done": "FINISHED", "failed": "FAILED", "pruned": "KILLED"}
"""MLflow's statuses of finished runs."""


class Tracker:
    """Logs a study: experiment = study's name, parent run = arm, child run = run.

    Runs of other folders are left alone, unless this folder's ``links.json`` lists them: then the
    folder was moved or copied, or an earlier version logged them.

    The first error is printed and turns tracking off for the rest of this process. The records
    are complete, and the next ``bench run`` logs what is missing.

    Args:
        uri: MLflow's tracking URI; `None` tracks nothing.
    """

    def __init__(self, uri: str | None, study: Study, out: Path) -> None:
        self._study = study
        self._out = out
        self._folder = str(out.resolve())
        self._uri = uri or ""
        self._client: Any = None
        self._logged: dict[str, str] = {}
        if uri is not None:
            self._safely(lambda: self._connect(uri))

    def log_run(self, row: Row) -> None:
        """Log a finished run, unless it is logged already."""
        if self._client is not None:
            self._safely(lambda: self._log_run(row))

    def log_report(self, folder: Path) -> None:
        """Attach the report's figures and page to the study's own MLflow run."""
        if self._client is not None:
            self._safely(lambda: self._log_report(folder))

    def links(self) -> dict[str, Any] | None:
        """Where the runs are: uri, experiment, and MLflow's id of each run; `None` if nowhere."""
        if self._client is None:
            return None
        return {"uri": self._uri, "experiment": self._experiment, "runs": self._logged}

    def _safely(self, action: Any) -> None:
        try:
            _await_server(self._uri)
            action()
        except Exception as error:
            self._client = None
            say(
                f"MLflow: {self._reason(error)}; training goes on without it, the records are "
                "complete, and the next `bench run` logs them"
            )

    def _reason(self, error: Exception) -> str:
        """The error in one line, with advice if there is any."""
        url = shareable_url(self._uri)
        if disk_is_full(error):
            return "the disk is full"
        if isinstance(error, BenchError):
            return str(error)  # has advice
        message = first_line(error).replace(self._uri, url)
        if "out-of-date database schema" in message:
            return (
                f"the tables of {url} are not those of this MLflow; with a backup made, "
                f"`mlflow db upgrade {shlex.quote(url)}` brings older ones up to date"
            )
        return message if len(message) <= LONGEST else f"{message[:LONGEST]}…"

    def _connect(self, uri: str) -> None:
        narrate("opening MLflow")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # see `_reason`
        warnings.filterwarnings("ignore", module="mlflow")
        # MLflow's default of 7 takes minutes if a server disappears.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        file = _sqlite_file(uri)
        if file:
            _make_database(file)
        client = _client(uri)
        experiment = client.get_experiment_by_name(self._study.name)
        if experiment is None:
            location = None
            if file:
                # Without a location, MLflow would write into the current folder.
                location = (file.parent / "mlflow-artifacts").resolve().as_uri()
            self._experiment = client.create_experiment(self._study.name, location)
        else:
            self._experiment = experiment.experiment_id
            if experiment.lifecycle_stage != "active":
                raise BenchError(
                    f"its experiment {self._study.name!r} was deleted; `MLFLOW_TRACKING_URI="
                    f"{shlex.quote(shareable_url(uri))} mlflow experiments restore --experiment-id "
                    f"{self._experiment}` brings it back"
                )
        self._client = client
        known = client.search_runs([self._experiment], max_results=50_000)
        linked = _linked(self._out)
        self._known = {
            (run.data.tags.get(KIND_TAG), run.data.tags.get(RUN_TAG)): run
            for run in known
            if run.info.lifecycle_stage == "active"
            and (run.data.tags.get(FOLDER_TAG) == self._folder or run.info.run_id in linked)
        }

    def _log_run(self, row: Row) -> None:
        known = self._known.get(("run", row.folder.id))
        if known is not None and known.info.status in _ENDS.values():
            self._logged[row.folder.id] = known.info.run_id
            return
        if known is not None:  # left half-logged
            self._client.delete_run(known.info.run_id)
        parent = self._named("arm", row.arm)
        place = f"{row.role} {row.trial} seed {row.seed}" if row.role != "reference" else row.arm
        run_id = self._create("run", row.folder.id, place, {"mlflow.parentRunId": parent})
        status = row.folder.status()
        self._log_values(run_id, row, status == "failed")
        # Last, so that a run whose logging was interrupted is logged anew.
        self._client.set_terminated(run_id, _ENDS[status])
        self._logged[row.folder.id] = run_id

    def _log_values(self, run_id: str, row: Row, failed: bool) -> None:
        record = row.folder.record()
        labels = ("arm", "role", "trial", "seed", "train_share")
        values = {name: getattr(row, name) for name in labels}
        parameters = [
            mlflow.entities.Param(key, str(value)[:500])
            for key, value in {**values, **row.entries, **row.options}.items()
        ]
        if failed:
            tags = [mlflow.entities.RunTag("error", record["error"][:500])]
            self._client.log_batch(run_id, params=parameters, tags=tags)
            return
        metrics = [
            mlflow.entities.Metric(metric_name(name), float(value), 0, int(point["examples"]))
            for point in row.folder.table("curve").to_dict("records")
            for name, value in point.items()
            if name != "point" and value == value
        ]
        if row.role != "tuning":
            means = row.folder.table("queries").groupby("part").mean(numeric_only=True)
            metrics += [
                mlflow.entities.Metric(
                    f"{part}/{metric_name(str(name))}", float(value), 0, record["examples"]
                )
                for part, row_means in means.iterrows()
                for name, value in row_means.items()
            ]
        metrics += [
            mlflow.entities.Metric(name, float(record[name]), 0, record["examples"])
            for name in (*SIZES, *SPEEDS)
            if record.get(name) is not None
        ]
        for start in range(0, len(metrics), 900):  # MLflow takes 1,000 at a time
            self._client.log_batch(run_id, metrics=metrics[start : start + 900])
        self._client.log_batch(run_id, params=parameters)
        # The complete record, because MLflow cuts long parameters.
        self._client.log_artifact(run_id, str(row.folder.path / "run.json"))
        self._client.log_artifact(run_id, str(row.folder.path / "bills.parquet"))

    def _log_report(self, folder: Path) -> None:
        run_id = self._named("study", self._study.name)
        self._client.log_artifact(run_id, str(self._out / "study.toml"))
        for table in ("summary", "curves", "ledger"):
            self._client.log_artifact(run_id, str(self._out / f"{table}.csv"))
        self._client.log_artifacts(run_id, str(folder), "report")

    def _named(self, kind: str, name: str) -> str:
        """The id of the MLflow run of an arm or the study, which is created if necessary."""
        known = self._known.get((kind, name))
        if known is not None and known.info.status == "FINISHED":
            return known.info.run_id
        # A run that exists but has not ended was left by a killed process.
        run_id = known.info.run_id if known else self._create(kind, name, name, {})
        self._client.set_terminated(run_id)
        self._known[kind, name] = self._client.get_run(run_id)
        return run_id

    def _create(self, kind: str, tag: str, name: str, tags: dict[str, str]) -> str:
        all_tags = {KIND_TAG: kind, RUN_TAG: tag, FOLDER_TAG: self._folder, **tags}
        run = self._client.create_run(self._experiment, tags=all_tags, run_name=name)
        return run.info.run_id


def _await_server(uri: str) -> None:
    """Wait until a server answers; MLflow itself would wait for minutes.

    Raises:
        BenchError: it does not answer within `PATIENCE`.
    """
    if not uri.startswith(("http://", "https://")):
        return

    until, told = time.monotonic() + PATIENCE, False
    while True:
        try:
            answer = requests.head(uri, timeout=PATIENCE / 2)
            if answer.status_code not in (502, 503, 504):  # a gateway's, in front of a dead server
                return
        except requests.exceptions.SSLError:
            return  # a server answers
        except (requests.ConnectionError, requests.Timeout):
            pass
        if time.monotonic() > until:
            raise BenchError(f"{shareable_url(uri)} does not answer")
        if not told:
            say(f"MLflow: waiting for {shareable_url(uri)}")
            told = True
        time.sleep(1)


def _sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; `None` for other stores."""
    if not uri.startswith("sqlite:///"):
        return None

    return Path(sqlalchemy.make_url(uri).database or "")


def _client(uri: str) -> Any:
    """MLflow's client, which creates the tables of a new database.

    An escaped URL needs a driver's name, or MLflow makes a folder with the escaped name.
    """
    if "%" in uri:
        uri = uri.replace("sqlite:///", "sqlite+pysqlite:///", 1)
    return mlflow.MlflowClient(tracking_uri=uri)


def _linked(out: Path) -> set[str]:
    """MLflow's ids of the runs in the folder's links.json."""
    links = read_links(out).get("mlflow")
    runs = links.get("runs") if isinstance(links, dict) else None
    return {str(id) for id in runs.values()} if isinstance(runs, dict) else set()


def _make_database(path: Path) -> None:
    """Create MLflow's database atomically if it does not exist.

    MLflow creates its tables in many steps and cannot use a database if one was interrupted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            for left in path.parent.glob(f".{path.name}.*.part"):
                left.unlink()
            with atomic(path) as aside:
                _client(sqlite_url(aside))


def metric_name(name: str) -> str:
    """A measure's name in the characters that MLflow allows: nDCG@10 → nDCG_at_10."""
    return re.sub(r"[^\w./ -]", "_", name.replace("@", "_at_"))
