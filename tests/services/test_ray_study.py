"""A study on a Ray cluster that loses nodes leaves what it leaves on one process."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import tomli_w
import torch

from bench.execution.coordinator import Coordinator
from bench.execution.executors import _ray_head
from bench.storage.records import RunFolder
from bench.storage.run_progress import RunProgress
from bench.study.schema import parse_study
from tests.services.ray_cluster import ENVIRONMENT, Cluster, Node, missing, running_cluster
from tests.support.crash_injection import finish, said, start
from tests.support.studies import study_values
from tests.support.tables import assert_same, tables

pytestmark = [
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


def is_at_work(node: Node, out: Path) -> bool:
    """Whether the node carries out a run that has a checkpoint."""
    folders = [RunFolder(path) for path in (out / "runs").glob("*")]
    return any(
        (progress := RunProgress.read(folder))
        and node.has(progress.pid)
        and folder.status() == "running"
        and any(folder.checkpoints.glob("*"))
        for folder in folders
    )


def lose_nodes(cluster: Cluster, out: Path, times: int) -> None:
    """Kill the node that is at work, once another one is there to take its place."""
    for _ in range(times):
        cluster.add()
        while not (at_work := [node for node in cluster.nodes if is_at_work(node, out)]):
            time.sleep(0.01)
        at_work[0].kill()


def carry_out(values: dict, out: Path) -> None:
    Coordinator(parse_study(values, "toy"), out, out.with_suffix(".artifacts"), None).run()


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def values(collection_folder, tiny_model) -> dict:
    values = study_values(collection_folder, tiny_model)
    values["tuning"]["trials"] = 1
    return values | {"seeds": [1], "budget": {"examples": 240}}


@pytest.fixture(scope="module")
def undisturbed(values, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as a worker has
    carry_out(values, out)
    torch.set_num_threads(threads)
    return tables(out)


def test_lost_nodes(values, undisturbed, tmp_path, capfd):
    out = tmp_path / "out"
    # All runs are on the node that is killed, two at a time; the head has no cores.
    with running_cluster(cores=(0, 2)) as cluster:
        killer = threading.Thread(target=lose_nodes, args=(cluster, out, 2), daemon=True)
        killer.start()
        on_ray = {"executor": "ray", "workers": 2, "ray": {"address": cluster.address}}
        carry_out(values | {"execution": on_ray}, out)
        killer.join(1)
        assert not killer.is_alive()
    assert capfd.readouterr().err.count("its worker died") >= 2
    assert_same(out, undisturbed)


def impatient() -> None:
    _ray_head.PATIENCE = 3.0


def test_dead_head(values, undisturbed, tmp_path):
    """The command ends with one line, and goes on with another cluster."""
    out = tmp_path / "out"
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    command = ["run", "toy.toml", "--out", "out", "--artifacts", "a", "--no-mlflow"]
    command += ["--executor", "ray", "--set"]
    with running_cluster() as cluster:
        address = f"execution.ray.address={cluster.address}"
        process = start(tmp_path, *command, address, hook=impatient, **ENVIRONMENT)
        while not any(is_at_work(node, out) for node in cluster.nodes):
            time.sleep(0.01)
        cluster.nodes[0].kill()
        process.join()
        told = said(tmp_path).read_text()
    assert process.exitcode == 1, told
    *_, last = told.splitlines()
    assert last.startswith(f"bench: the head of the Ray cluster at {cluster.address} does not")
    with running_cluster() as cluster:
        address = f"execution.ray.address={cluster.address}"
        code, told = finish(tmp_path, *command, address, **ENVIRONMENT)
    assert code == 0, told
    assert_same(out, undisturbed)
