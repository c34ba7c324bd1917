"""A connection to a Ray cluster: to one that is there, or to a new one on this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from bench.errors import BenchError, InputError
from bench.execution.executors._ray_head import RayHead
from bench.lazy import Library

ray = Library("ray")

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""No usage statistics; and nothing of what nodes report is printed here."""

ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Told to be on a system that has no clusters, Ray listens on the loopback address alone."""

OBJECTS = 100 * 2**20
"""Bytes that a new cluster reserves for objects: tasks are small."""


@dataclass(frozen=True)
class Share:
    """What a worker takes of a node."""

    cores: int
    gpus: float

    def fits(self, node: Mapping[str, Any]) -> int:
        """How many workers a node holds, as Ray describes it."""
        takes = {"CPU": self.cores, "GPU": self.gpus}
        return min(int(node["Resources"].get(name, 0) / one) for name, one in takes.items() if one)

    def fit_here(self) -> int:
        """How many workers the node holds that this worker is on."""
        here = ray.get_runtime_context().get_node_id()
        return next(self.fits(node) for node in ray.nodes() if node["NodeID"] == here)


class RayCluster:
    """A connection to a cluster, until it is closed.

    Args:
        address: ``host:port`` of the cluster's head; if it is empty, that in the environment
            variable RAY_ADDRESS, or else a new cluster is made of this machine.

    Raises:
        InputError: Ray is not installed, or that is no address.
        BenchError: the cluster cannot be reached.
    """

    def __init__(self, address: str) -> None:
        if find_spec("ray") is None:
            raise InputError("executor ray: Ray is not installed; pip install retrieval-bench[ray]")
        address = address or os.environ.get("RAY_ADDRESS", "")
        if address:
            RayHead(address).call()
        os.environ |= QUIET if address else QUIET | ALONE  # read when Ray is imported
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if not address:
            options |= {"include_dashboard": False, "object_store_memory": OBJECTS}
        try:
            ray.init(address=address or "local", **options)
        except Exception as error:  # of many kinds, with texts of many lines
            where = f"the Ray cluster at {address}" if address else "a new Ray cluster"
            raise BenchError(f"{where}: {' '.join(str(error).split())}") from error
        self.head = RayHead(ray.get_runtime_context().gcs_address)

    @property
    def has_gpus(self) -> bool:
        """Whether any node has a GPU now."""
        return ray.cluster_resources().get("GPU", 0) > 0

    def room(self, share: Share) -> int:
        """How many workers the nodes of now hold together."""
        return sum(share.fits(node) for node in ray.nodes() if node["Alive"])

    def close(self) -> None:
        """End all workers at once, and the cluster if it was made here."""
        ray.shutdown()
