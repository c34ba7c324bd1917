"""A connection to a Ray cluster: one that is there, or a new one on this machine."""

from __future__ import annotations

import logging
import os
import socket
import time
from importlib.util import find_spec

from bench.errors import BenchError, InputError
from bench.lazy import Library

ray = Library("ray")

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""No usage statistics, and no messages of other nodes in this terminal."""

ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Told to be on a system without clusters, Ray listens on the loopback address alone."""

OBJECTS = 100 * 2**20
"""Bytes that Ray reserves for objects; tasks and problems are small."""

PATIENCE = 20.0
"""Seconds that the head may be silent. Ray ends this process, without a word, after 60."""


class RayCluster:
    """A connection to a cluster, until it is closed.

    Args:
        address: ``host:port`` of the cluster's head. If it is empty, the environment variable
            RAY_ADDRESS is used, or else a new cluster of this machine alone.

    Raises:
        InputError: Ray is not installed.
        BenchError: the cluster cannot be reached.
    """

    def __init__(self, address: str = "") -> None:
        if find_spec("ray") is None:
            raise InputError("Ray is not installed: pip install 'retrieval-bench[ray]'")
        address = address or os.environ.get("RAY_ADDRESS", "")
        os.environ |= QUIET if address else QUIET | ALONE  # read when Ray is imported
        if address:
            _call(address)
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        own = {} if address else {"include_dashboard": False, "object_store_memory": OBJECTS}
        try:
            ray.init(address=address or "local", **quiet, **own)
        except Exception as error:  # of many kinds, with texts of many lines
            where = f"the Ray cluster at {address}" if address else "a new Ray cluster"
            raise BenchError(f"{where}: {' '.join(str(error).split())}") from error
        self._head = ray.get_runtime_context().gcs_address
        self._heard = time.monotonic()

    @property
    def has_gpus(self) -> bool:
        """Whether any node has a GPU."""
        return ray.cluster_resources().get("GPU", 0) > 0

    def room(self, cores: int, gpus: float) -> int:
        """How many workers that need so much the present nodes hold together."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        needs = {name: need for name, need in {"CPU": cores, "GPU": gpus}.items() if need}
        return sum(
            min(int(node.get(name, 0) / need) for name, need in needs.items()) for node in nodes
        )

    def check_head(self) -> None:
        """Notice that the head is dead.

        Raises:
            BenchError: it has been silent for too long.
        """
        try:
            _call(self._head)
            self._heard = time.monotonic()
        except BenchError:
            if time.monotonic() - self._heard > PATIENCE:
                raise

    def close(self) -> None:
        """Leave the cluster, and end it if it is our own; its workers end at once."""
        ray.shutdown()


def _call(head: str) -> None:
    """See whether the head takes connections; Ray itself would try for minutes."""
    host, _, port = head.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"{head!r} is not the address of a Ray cluster's head: host:port")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise BenchError(
            f"the head of the Ray cluster at {head} does not answer ({error}); what is finished "
            "is kept, the same command goes on when it does"
        ) from None
