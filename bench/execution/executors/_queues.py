"""The jobs of one study that wait or run, also those that a killed command left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
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

    def jobs(self) -> set[str] | None:
        """The ids of those that have not ended; `None` where SLURM does not answer now.

        Why jobs wait is said once, since some reasons never pass (``PartitionTimeLimit``).
        """
        try:
            lines = self._tell("squeue", "--noheader", "--format=%i %t %r").splitlines()
        except BenchError as error:
            say_once(f"note: {error}; it is asked again")
            return None
        jobs = set()
        for line in lines:
            id, state, reason = line.split(maxsplit=2)
            jobs.add(id)
            if state == "PD" and reason != "None":
                say_once(f"jobs wait in SLURM's queue: {reason}")
        return jobs

    def cancel(self) -> None:
        """Tell all to end.

        Raises:
            BenchError: SLURM does not take it.
        """
        self._tell("scancel")

    def _tell(self, program: str, *options: str) -> str:
        command = [program, f"--name={self.name}", *options]
        try:
            told = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"{program}: {first_line(error)}") from None
        if told.returncode:
            said = first_line(told.stderr).removeprefix(f"{program}: ")
            raise BenchError(f"{program}: {said}")
        return told.stdout


@dataclass(frozen=True)
class LocalQueue:
    """Processes of this machine: submitit's controllers in a folder, and what they started."""

    folder: Path
    seconds: float = 1.0

    def jobs(self) -> set[str]:
        return self._processes("submitit.local._local")

    def cancel(self) -> None:
        for module in ("submitit.local._local", "submitit.core._submit"):
            for process in self._processes(module):
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)

    def _processes(self, module: str) -> set[str]:
        pattern = re.escape(f"{module} {self.folder}") + "$"
        found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True)
        return set(found.stdout.split())
