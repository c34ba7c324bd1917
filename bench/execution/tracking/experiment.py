"""A study in MLflow: what is logged there already, and logging what is not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.execution.tracking.client import open_client
from bench.execution.tracking.values import LONGEST, metrics, parameters
from bench.lazy import Library
from bench.results import Row
from bench.storage.databases import sqlite_file
from bench.storage.links import read_run_links, write_run_links
from bench.storage.urls import shareable_url

if TYPE_CHECKING:
    import mlflow
else:
    mlflow = Library("mlflow")

RUN_TAG = "bench.run"
KIND_TAG = "bench.kind"
FOLDER_TAG = "bench.folder"
"""Tag with the study's folder: studies of one name share an experiment, whatever their folders."""

_ENDS = {"done": "FINISHED", "failed": "FAILED", "pruned": "KILLED"}
"""MLflow's statuses of finished runs."""

_BATCH = 900
"""Metrics in one call: it takes 1,000 values, and up to 100 of them are parameters."""

_CHUNK = 100
"""Runs that are looked for in one call."""


class Experiment:
    """Experiment = study's name, parent run = arm, child run = run.

    Runs of other folders are left alone, unless this folder's ``links.json`` lists them: then the
    folder was moved or copied.

    Args:
        study: its name.
        out: its folder.

    Attributes:
        logged: MLflow's id of each run that is logged and needs nothing more.

    Raises:
        BenchError: the experiment was deleted.
    """

    def __init__(self, uri: str, study: str, out: Path) -> None:
        self._uri = uri
        self._study = study
        self._out = out
        self._folder = str(out.resolve())
        self._client = open_client(uri)
        self._id = self._open()
        self._linked = read_run_links(out)
        there = self._still_there(self._linked.values())
        self.logged = {run: id for run, id in self._linked.items() if id in there}

    def links(self) -> dict[str, Any]:
        """Where the runs are: uri, experiment, and MLflow's id of each run."""
        return {"uri": self._uri, "experiment": self._id, "runs": self.logged}

    def log_run(self, row: Row) -> None:
        """Log a finished run, unless it is logged already."""
        id = row.run.id
        if id in self.logged:
            return
        record = row.run.record
        end = _ENDS[record["status"]]
        known = self._find(id)
        if known is not None and known.info.status != end:
            # It was left half-logged, or has been tried again since.
            self._client.delete_run(known.info.run_id)
            known = None
        self.logged[id] = known.info.run_id if known else self._log(row, record, end)
        write_run_links(self._out, self.links())

    def log_report(self, folder: Path) -> None:
        """Attach the report's figures and page to the study's own MLflow run."""
        run_id = self._group("study", self._study)
        self._client.log_artifact(run_id, str(self._out / "study.toml"))
        for table in ("summary", "curves", "ledger"):
            self._client.log_artifact(run_id, str(self._out / f"{table}.csv"))
        self._client.log_artifacts(run_id, str(folder), "report")

    def _open(self) -> str:
        """The experiment's id; it is created if necessary."""
        experiment = self._client.get_experiment_by_name(self._study)
        if experiment is None:
            file = sqlite_file(self._uri)
            # Without a location, MLflow would write into the current folder.
            location = (file.parent / "mlflow-artifacts").resolve().as_uri() if file else None
            return self._client.create_experiment(self._study, location)
        if experiment.lifecycle_stage != "active":
            url = shlex.quote(shareable_url(self._uri))
            raise BenchError(
                f"its experiment {self._study!r} was deleted; `MLFLOW_TRACKING_URI={url} mlflow "
                f"experiments restore --experiment-id {experiment.experiment_id}` brings it back"
            )
        return experiment.experiment_id

    # -- what is there ---------------------------------------------------------------------------

    def _still_there(self, ids: Iterable[str]) -> set[str]:
        """Those of MLflow's ids whose runs have ended and were not deleted.

        Failed runs are left out, so that `log_run` looks whether they have been tried again.
        """
        failed = {run.info.run_id for run in self._search("attributes.status = 'FAILED'")}
        ids = [id for id in ids if re.fullmatch(r"\w+", id) and id not in failed]
        there: set[str] = set()
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            among = f"attributes.run_id IN ({', '.join(map(repr, chunk))})"
            ended = f"{among} AND attributes.status != 'RUNNING'"
            if self._count_is(len(chunk), ended):
                there |= set(chunk)
            else:
                there |= {run.info.run_id for run in self._search(ended)}
        return there

    def _count_is(self, count: int, where: str) -> bool:
        """Whether so many runs are found, of which MLflow loads and sends the last one alone.

        Their metrics and parameters would take it seconds. A server of another kind may count
        pages in another way, and then it is just not known.
        """
        last = mlflow.utils.search_utils.SearchUtils.create_page_token(count - 1).decode()
        try:
            found = self._client.search_runs([self._id], where, max_results=1, page_token=last)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code == "INVALID_PARAMETER_VALUE":
                return False
            raise
        return len(found) == 1 and not found.token

    def _search(self, where: str) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_runs([self._id], where, page_token=token)
            yield from page
            if not (token := page.token):
                return

    def _find(self, id: str) -> Any:
        """The MLflow run of a run of this folder; `None` if there is none."""
        same = self._search(f"tags.`{KIND_TAG}` = 'run' AND tags.`{RUN_TAG}` = '{id}'")
        linked = self._linked.get(id)
        ours = (run for run in same if self._is_ours(run) or run.info.run_id == linked)
        return next(ours, None)

    def _is_ours(self, run: Any) -> bool:
        return run.data.tags.get(FOLDER_TAG) == self._folder

    @cached_property
    def _groups(self) -> dict[tuple[str, str], str]:
        """The ids of the MLflow runs of arms and the study, by kind and name."""
        found = {}
        for run in filter(self._is_ours, self._search(f"tags.`{KIND_TAG}` != 'run'")):
            if run.info.status != "FINISHED":  # a process was killed before it ended it
                self._client.set_terminated(run.info.run_id)
            found[run.data.tags[KIND_TAG], run.data.tags.get(RUN_TAG, "")] = run.info.run_id
        return found

    # -- logging ---------------------------------------------------------------------------------

    def _group(self, kind: str, name: str) -> str:
        """The id of the MLflow run of an arm or the study, which is created if necessary."""
        if (kind, name) not in self._groups:
            run_id = self._create(kind, name, name, {})
            self._client.set_terminated(run_id)
            self._groups[kind, name] = run_id
        return self._groups[kind, name]

    def _log(self, row: Row, record: Mapping[str, Any], end: str) -> str:
        """MLflow's id of the run, whose record is logged anew."""
        parent = self._group("arm", row.arm)
        place = f"{row.role} {row.trial} seed {row.seed}" if row.role != "reference" else row.arm
        run_id = self._create("run", row.folder.id, place, {"mlflow.parentRunId": parent})
        if end == "FAILED":
            error = mlflow.entities.RunTag("error", record["error"][:LONGEST])
            self._client.log_batch(run_id, params=parameters(row), tags=[error])
        else:
            self._log_values(run_id, parameters(row), metrics(row))
            # The complete record, because MLflow cuts long parameters.
            self._client.log_artifact(run_id, str(row.folder.path / "run.json"))
            self._client.log_artifact(run_id, str(row.folder.path / "bills.parquet"))
        # Last, so that a run whose logging was interrupted is logged anew.
        self._client.set_terminated(run_id, end)
        return run_id

    def _log_values(self, run_id: str, params: Sequence[Any], metrics: Sequence[Any]) -> None:
        self._client.log_batch(run_id, metrics=metrics[:_BATCH], params=params)
        for start in range(_BATCH, len(metrics), _BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _BATCH])

    def _create(self, kind: str, tag: str, name: str, tags: dict[str, str]) -> str:
        all_tags = {KIND_TAG: kind, RUN_TAG: tag, FOLDER_TAG: self._folder, **tags}
        run = self._client.create_run(self._id, tags=all_tags, run_name=name)
        return run.info.run_id
