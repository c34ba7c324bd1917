"""A Ray cluster of several nodes on this machine, each with what ends when a machine loses power.

It needs the package ``ray``, and listens on the loopback address alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.execution.executors._ray_cluster import ALONE, QUIET

ENVIRONMENT = QUIET | ALONE
"""For a node and whoever connects to it: without it, Ray takes 127.0.0.1 for another address."""


def missing() -> str:
    """Why there can be no cluster, as the reason of a skipped test; empty where there can."""
    if find_spec("ray") is None:
        return "Ray is not installed (pip install ray)"
    return "" if Path("/proc").is_dir() else "a node's processes are found in /proc"


class Node:
    """A node: all its processes are one session.

    Attributes:
        head: the address of the cluster's head.
    """

    def __init__(self, folder: str, cores: int, head: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.ray_node", folder, str(cores), head],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.head = self._process.stdout.readline().strip()
        assert self.head, "the node did not start"

    def has(self, process: int) -> bool:
        """Whether the process of that id is one of the node's."""
        with suppress(ProcessLookupError):
            return os.getsid(process) == self._process.pid
        return False

    def kill(self) -> None:
        """Kill all processes at once."""
        for process in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
            if self.has(process):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self._process.wait()


class Cluster:
    """A cluster that gains and loses nodes.

    Args:
        folder: for all that Ray writes; it must have a short path, as sockets are in it.
        cores: of the head, and of each other node.

    Attributes:
        nodes: the head first.
    """

    def __init__(self, folder: str, cores: tuple[int, int]) -> None:
        self._folder = folder
        head, self._cores = cores
        self.nodes = [Node(folder, head)]

    @property
    def address(self) -> str:
        return self.nodes[0].head

    def add(self) -> Node:
        """One more node."""
        self.nodes.append(Node(self._folder, self._cores, self.address))
        return self.nodes[-1]


@contextmanager
def running_cluster(cores: tuple[int, int] = (1, 1)) -> Iterator[Cluster]:
    """A cluster of a head and another node, which end with the block."""
    with TemporaryDirectory(prefix="ray-") as folder:
        cluster = Cluster(folder, cores)
        try:
            cluster.add()
            yield cluster
        finally:
            for node in cluster.nodes:
                node.kill()
