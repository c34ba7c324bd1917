"""A node of a Ray cluster on this machine, until its standard input ends.

``python -m tests.services.ray_node FOLDER CORES HEAD`` prints the address of the cluster's head,
which it is itself if that is empty.
"""

import os
import sys

from tests.services.ray_cluster import ENVIRONMENT

os.environ |= ENVIRONMENT  # read when Ray is imported

from ray._private.node import Node
from ray._private.parameter import RayParams

DETECTION = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}
"""The head takes a node for dead after seconds, not after a quarter of a minute."""

MEBIBYTE = 2**20


def main(folder: str, cores: str, head: str) -> None:
    options = RayParams(
        gcs_address=head or None,
        redis_address=head or None,
        node_ip_address="127.0.0.1",
        node_manager_port=0,
        min_worker_port=0,
        max_worker_port=0,
        num_cpus=int(cores),
        num_gpus=0,
        memory=2048 * MEBIBYTE,
        object_store_memory=80 * MEBIBYTE,
        temp_dir=folder,
        include_dashboard=False,
        include_log_monitor=False,
        no_monitor=True,
        _system_config=None if head else DETECTION,
    )
    node = Node(options, head=not head)
    print(node.gcs_address, flush=True)
    sys.stdin.read()
    node.kill_all_processes(check_alive=False, allow_graceful=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
