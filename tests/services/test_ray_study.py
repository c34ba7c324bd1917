"""A study on a Ray cluster that loses nodes leaves what it leaves on one process."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from bench.execution.coordinator import Coordinator
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


def lose_nodes(cluster: Cluster, out: Path, times: int) -> None:
    """Kill nodes, not the head, while they are at work on a run that has a checkpoint."""
    for _ in range(times):
        cluster.add()
        while not (at_work := [node for node in cluster.nodes[1:] if has_checkpoint(node, out)]):
            time.sleep(0.01)
        at_work[0].kill()


def has_checkpoint(node: Node, out: Path) -> bool:
    folders = [RunFolder(path) for path in (out / "runs").glob("*")]
    return any(
        (progress := RunProgress.read(folder))
        and node.has(progress.pid)
        and folder.status() == "running"
        and any(folder.checkpoints.glob("*"))
        for folder in folders
    )


def carry_out(values: dict, out: Path, artifacts: Path) -> None:
    study = parse_study(values, "toy")
    Coordinator(study, out, artifacts, None).run()


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_lost_nodes(collection_folder, tiny_model, tmp_path, capfd):
    values = study_values(collection_folder, tiny_model)
    # Long enough that the third worker has begun before the second one is done with everything.
    values |= {"seeds": [1], "budget": {"examples": 800}}
    values["tuning"]["trials"] = 1
    carry_out(values, tmp_path / "quiet", tmp_path / "a")
    with running_cluster() as cluster:
        out = tmp_path / "lossy"
        killer = threading.Thread(target=lose_nodes, args=(cluster, out, 2), daemon=True)
        killer.start()
        values["execution"] = {"executor": "ray", "ray": {"address": cluster.address}}
        carry_out(values, out, tmp_path / "b")
        killer.join(1)
        assert not killer.is_alive()
    assert capfd.readouterr().err.count("its worker died") >= 2
    assert_same(out, tables(tmp_path / "quiet"))


def test_dead_head(toy_file, tmp_path):
    """The command ends with one line, and goes on with another cluster."""
    command = ["run", "toy.toml", "--out", "out", "--artifacts", "a", "--no-mlflow"]
    command += ["--set", "tuning={}", "--set", "seeds=[1]", "--executor", "ray", "--set"]
    with running_cluster() as cluster:
        process = start(tmp_path, *command, f"execution.ray.address={cluster.address}")
        while "[5/6]" not in said(tmp_path).read_text():
            time.sleep(0.1)
        cluster.nodes[0].kill()
        process.join()
        assert process.exitcode == 1
        *_, last = said(tmp_path).read_text().splitlines()
        assert f"the head of the Ray cluster at {cluster.address} does not answer" in last
    with running_cluster() as cluster:
        code, told = finish(tmp_path, *command, f"execution.ray.address={cluster.address}")
    assert code == 0, told
