"""The journal of a study's folder: a line for each finished run and for each job that it serves.

It spares reading thousands of folders again: for tables while a study runs, and when the same
command goes on. The folders remain the truth. A line whose run has other files by now is ignored,
and so is a torn last line, which a kill leaves.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from bench.storage.files import explain_full_disk
from bench.storage.finished_run import FinishedRun, file_states
from bench.storage.records import RunFolder

JOURNAL = "journal.jsonl"
FORMAT = 1

Key = tuple[Hashable, ...]
"""A job's labels, as JSON values."""


class Journal:
    """The journal of one study's folder. Lines are only added by the process that runs the study.

    Attributes:
        jobs: the run that each job was last given, by the job's key.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._path = out / JOURNAL
        self._runs: dict[str, FinishedRun] = {}
        self._torn = False
        self.jobs: dict[Key, str] = {}
        self._study: Any = None
        for line in self._lines():
            self._take(line)

    def find(self, id: str) -> FinishedRun | None:
        """The finished run of this id; `None` if there is none.

        Raises:
            InputError: its folder is damaged.
        """
        files = file_states(self._out / "runs" / id)
        if "run.json" not in files:
            return None
        known = self._runs.get(id)
        if known is not None and known.files == files:
            return known
        return FinishedRun.read(RunFolder(self._out / "runs" / id))

    def all(self) -> Iterator[FinishedRun]:
        """All finished runs in the folder, whatever study they belong to."""
        for path in sorted((self._out / "runs").glob("*")):
            if (run := self.find(path.name)) is not None:
                yield run

    def begin(self, study: Any) -> None:
        """Forget which runs the jobs were given, if the study is another one than before.

        Args:
            study: what identifies it, as a JSON value.
        """
        if study != self._study:
            self._study = study
            self.jobs.clear()
            self._append({"study": study})

    def add(self, run: FinishedRun) -> None:
        """Add a finished run, unless it is in the journal as it is."""
        known = self._runs.get(run.id)
        if known is None or known.files != run.files:
            self._append({"run": run.to_json()})
            self._runs[run.id] = run

    def assign(self, job: Key, run: str) -> None:
        """Add which run a job was given, unless that is known."""
        if self.jobs.get(job) != run:
            self._append({"job": list(job), "is": run})
            self.jobs[job] = run

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The lines that are whole."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        self._torn = bool(content) and not content.endswith(b"\n")
        for line in content.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and value.get("format") == FORMAT:
                yield value

    def _take(self, line: dict[str, Any]) -> None:
        try:
            if "run" in line:
                run = FinishedRun.parse(line["run"])
                self._runs[run.id] = run
            elif "job" in line:
                self.jobs[tuple(line["job"])] = line["is"]
            else:
                self._study = line["study"]
                self.jobs.clear()
        except (KeyError, TypeError):
            return  # not as this version writes it; the folder is read again

    def _append(self, line: dict[str, Any]) -> None:
        text = json.dumps({"format": FORMAT, **line}, ensure_ascii=False) + "\n"
        with explain_full_disk(self._path), self._path.open("ab") as stream:
            if self._torn:
                stream.write(b"\n")
                self._torn = False
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
