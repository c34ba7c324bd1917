"""The jobs of one study that wait or run, also those that a killed command left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, first_line
from bench.progress import say_once


@dataclass(frozen=True)
class SlurmQueue:
    """Jobs of SLURM that share a name.

    Attributes:
        seconds: how often it may be asked. One ``squeue`` tells of all jobs, on any cluster;
            ``sacct``, which submitit asks, knows nothing where there is no accounting.
    """

    name: str
    seconds: float = 15.0

    def jobs(self) -> set[str]:
        """The ids of those that have not ended.

        Why jobs wait is said once, since some reasons never pass (``PartitionTimeLimit``).

        Raises:
            BenchError: SLURM does not answer now.
        """
        jobs = set()
        listed = _tell("squeue", f"--name={self.name}", "--noheader", "--format=%i %t %r")
        for line in listed.splitlines():
            id, state, reason = line.split(maxsplit=2)
            jobs.add(id)
            if state == "PD" and reason != "None":
                say_once(f"jobs wait in SLURM's queue: {reason}")
        return jobs

    def cancel(self, jobs: Iterable[str]) -> None:
        """Tell these to end, unless they have.

        Raises:
            BenchError: SLURM does not answer now.
        """
        if jobs := sorted(jobs):
            _tell("scancel", "--quiet", *jobs)


@dataclass(frozen=True)
class LocalQueue:
    """Processes of this machine: submitit's controllers of one folder, each of a job's process."""

    folder: Path
    seconds: float = 1.0

    def jobs(self) -> set[str]:
        return _find("-f", re.escape(f"submitit.local._local {self.folder}") + "$")

    def cancel(self, jobs: Iterable[str]) -> None:
        for job in jobs:
            for process in (*_find("-P", job), job):
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)


def _tell(program: str, *options: str) -> str:
    """What a program of SLURM's prints.

    Raises:
        BenchError: it fails.
    """
    try:
        told = subprocess.run([program, *options], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{program}: {first_line(error)}") from None
    if told.returncode:
        said = first_line(told.stderr).removeprefix(f"{program}: ")
        raise BenchError(f"{program}: {said}")
    return told.stdout


def _find(*what: str) -> set[str]:
    """The ids of processes."""
    return set(subprocess.run(["pgrep", *what], capture_output=True, text=True).stdout.split())
