"""What a study's runs ask of a SLURM cluster."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from bench.study._model import Positive, Table

_UNITS = {"m": 1, "h": 60, "d": 24 * 60}
_OURS = (
    *("array", "cpus_per_task", "error", "job_name", "nodes", "ntasks", "open_mode", "output"),
    *("requeue", "signal", "time"),
)
"""Options of sbatch that the executor gives, in submitit's spelling."""


def _minutes(value: Any) -> Any:
    """Read ``"4h"``, ``"90m"`` or ``"2d"`` as minutes."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+)\s*([mhd])", value)
    if not found:
        raise ValueError('must be minutes, or a text as "90m", "4h" or "2d"')
    return int(found[1]) * _UNITS[found[2]]


Parameter = Annotated[str, Field(pattern=r"^[^\n]*$")] | int | float | Literal[True]


class Slurm(Table):
    """``[execution.slurm]``: what the job of each run asks for.

    Attributes:
        time_limit: minutes until a job is stopped and queued again, or ``"4h"``. Its run goes on
            from the last checkpoint; two of the minutes are needed to stop in.
        cores, gpus: of a job. It computes with as many threads as it has cores.
        memory: GB of a job; by default what the cluster gives.
        sbatch: further options of ``sbatch``, as ``{partition = "gpu", account = "ir"}``; ``true``
            is an option without a value.
        cluster: ``local`` starts the jobs as processes of this machine, to try a study out.
    """

    time_limit: Annotated[Positive, Field(ge=5), BeforeValidator(_minutes)] = 240
    cores: Positive = 1
    gpus: Annotated[int, Field(ge=0)] = 0
    memory: Annotated[float, Field(gt=0)] | None = None
    sbatch: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], Parameter] = {}
    cluster: Literal["slurm", "local"] = "slurm"

    @field_validator("sbatch")
    @classmethod
    def _not_ours(cls, sbatch: dict[str, Any]) -> dict[str, Any]:
        for name in sbatch:
            if name.replace("-", "_") in _OURS:
                raise ValueError(f"{name} is set by the executor itself; leave it out")
        return sbatch
