"""The executor on a real Ray cluster of two nodes, with tasks that do as they are told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.errors import BenchError, InputError
from bench.execution.executors import _ray_head, ray
from bench.execution.executors.base import Completion
from bench.execution.executors.ray import RayExecutor
from bench.execution.jobs import Job
from bench.execution.task import Task
from bench.study.ray import Ray
from tests.services.ray_cluster import ENVIRONMENT, missing, running_cluster

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@dataclass(frozen=True)
class Workplace:
    """For a worker whose tasks do what their title says, and note their process and threads."""

    out: Path

    def open(self, log: str, workers: int) -> Workplace:
        assert workers == 1
        return self

    def execute(self, task: Task) -> None:
        print(f"{task.run} begins")
        with (self.out / f"{task.run}.begun").open("a") as file:
            file.write(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}\n")
        if task.title == "fail":
            raise InputError("there is no such model")
        while task.title == "wait" and not (self.out / f"{task.run}.go").exists():
            time.sleep(0.05)


class Session:
    """An executor at work in a folder."""

    def __init__(self, executor: RayExecutor, out: Path) -> None:
        self.executor = executor
        self.out = out
        self._ended: list[Completion] = []

    def submit(self, run: str, title: str = "") -> None:
        self.executor.submit(Task(Job("final", run), title, run))

    def go(self, run: str) -> None:
        """Let a run that waits end."""
        (self.out / f"{run}.go").touch()

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end
            self._ended += self.executor.completed(0.1)

    def finish(self, count: int) -> dict[str, str]:
        """What went wrong with the next tasks that end, by run; empty for what is well."""
        self.until(lambda: len(self._ended) >= count)
        ended, self._ended = self._ended, []
        return {one.task.run: one.problem.message if one.problem else "" for one in ended}

    def processes(self, run: str, count: int = 1) -> list[int]:
        """The processes that have begun a run, once there are so many."""
        begun = self.out / f"{run}.begun"
        self.until(lambda: begun.exists() and begun.read_text().count("\n") >= count)
        return [int(line.split()[0]) for line in begun.read_text().splitlines()]


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch, running_cluster() as cluster:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield cluster


@pytest.fixture
def session(cluster, tmp_path):
    options = Ray(address=cluster.address)
    with closing(RayExecutor(Workplace(tmp_path), options, None)) as executor:
        yield Session(executor, tmp_path)


def test_workers_are_kept(session):
    assert session.executor.slots == 2
    for run in ("a", "b"):
        session.submit(run, "wait")
    workers = {session.processes(run)[0] for run in ("a", "b")}
    for run in ("a", "b"):
        session.go(run)
    assert session.finish(2) == {"a": "", "b": ""}
    since = time.monotonic()
    for number in range(20):
        session.submit(f"more-{number}")
        session.finish(1)
        assert session.processes(f"more-{number}")[0] in workers
    assert (time.monotonic() - since) / 20 < 0.1
    session.submit("bad", "fail")
    assert session.finish(1) == {"bad": "there is no such model"}
    assert {path.read_text().split()[1] for path in session.out.glob("*.begun")} == {"1"}
    logs = [path.read_text() for path in (session.out / "logs").iterdir()]
    assert len(logs) == 2
    assert sum("Traceback" in log for log in logs) == 1


def test_lost_node(session, cluster, monkeypatch, capfd):
    monkeypatch.setattr(ray, "LATE", 0.1)
    for run in ("a", "b"):
        session.submit(run, "wait")
    node = cluster.nodes[1]
    lost, other = sorted("ab", key=lambda run: not node.has(session.processes(run)[0]))
    capfd.readouterr()
    node.kill()
    session.until(lambda: session.executor._short_since == float("inf"))
    session.go(other)
    # The worker that is left takes the run, as the cluster has no room for another one.
    assert session.processes(lost, 2)[1] == session.processes(other)[0]
    session.go(lost)
    assert session.finish(2) == {"a": "", "b": ""}
    # And nothing of what Ray says about it.
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{lost} · final · seed 0: its worker died; another one goes on from its checkpoint",
        "waiting for a worker to start on the Ray cluster (cores = 1, gpus = 0)",
    ]


def test_task_that_kills(session, monkeypatch, capfd):
    monkeypatch.setattr(ray, "DEATHS", 2)
    session.submit("a", "wait")
    os.kill(session.processes("a")[0], 9)
    os.kill(session.processes("a", 2)[1], 9)
    assert "a · final · seed 0: its worker died 2 times; logs: " in session.finish(1)["a"]
    assert capfd.readouterr().err.count("its worker died") == 1


def test_no_folder(cluster, tmp_path):
    with closing(RayExecutor(Workplace(tmp_path / "x"), Ray(address=cluster.address), None)) as one:
        session = Session(one, tmp_path)
        session.submit("a")
        with pytest.raises(InputError, match=r"/x is not there: all nodes of the Ray cluster"):
            session.finish(1)


OWN = """
import os, sys
from pathlib import Path
import ray, psutil
from bench.execution.executors.ray import RayExecutor
from bench.study.ray import Ray
from tests.services.test_ray_executor import Session, Workplace

out = Path(sys.argv[1])
executor = RayExecutor(Workplace(out), Ray(), 1)
session = Session(executor, out)
session.submit("a")
assert session.finish(1) == {"a": ""}
processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
ports = [port for one in processes for port in one.net_connections("inet")]
print(*{port.laddr.ip for port in ports if port.status == "LISTEN"})
executor.close()
"""


def test_own_cluster_listens_on_the_loopback_address_alone(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    command = [sys.executable, "-c", OWN, str(tmp_path)]
    with TemporaryDirectory(prefix="ray-") as folder:
        environment["RAY_TMPDIR"] = folder
        own = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert own.returncode == 0, own.stderr
    assert set(own.stdout.split()) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert own.stdout.strip()
    assert own.stderr == ""


def test_dead_head(session, cluster, monkeypatch):  # the last test, as the cluster is gone then
    monkeypatch.setattr(_ray_head, "PATIENCE", 1)
    session.submit("a", "wait")
    session.processes("a")
    cluster.nodes[0].kill()
    with pytest.raises(BenchError, match=f"head of the Ray cluster at {cluster.address} does not"):
        session.finish(1)
