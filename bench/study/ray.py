"""What a study's workers ask of a Ray cluster."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bench.study._model import Positive, Table


class Ray(Table):
    """``[execution.ray]``: the cluster, and what each worker takes of a node.

    Attributes:
        address: ``host:port`` of the head of a cluster that this machine is a node of; by default
            the environment variable RAY_ADDRESS, or else a new cluster of this machine alone.
        cores: of a node; a worker computes with as many threads.
        gpus: 1, a part that lets several workers share one, or 0; by default 1 where the cluster
            has any.
    """

    address: str = ""
    cores: Positive = 1
    gpus: Annotated[float, Field(ge=0, le=1)] | None = None
