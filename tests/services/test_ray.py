"""Workers on a real Ray cluster of two nodes, which are killed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.errors import BenchError, InputError
from bench.execution.executors.ray import RayExecutor
from bench.execution.jobs import Job
from bench.execution.worker import Task
from tests.services.ray_cluster import ENVIRONMENT, missing, running_cluster

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@dataclass(frozen=True)
class Scripted:
    """A workplace whose tasks do what their title says, and note their process."""

    out: Path

    def open(self, log: str = "") -> Scripted:
        return self

    def execute(self, task: Task) -> None:
        with (self.out / task.run).open("a") as file:
            file.write(f"{os.getpid()}\n")
        print(f"{task.run}: {task.title}")
        if task.title == "fail":
            raise InputError("there is no such model")
        if task.title == "wait":
            while not (self.out / f"{task.run}.go").exists():
                time.sleep(0.05)


def task(run: str, title: str = "") -> Task:
    return Task(Job("final", "arm"), title, run)


def finish(executor, count: int) -> dict[str, str | None]:
    """The problems of the next tasks to end, by run."""
    problems: dict[str, str | None] = {}
    until = time.monotonic() + 60
    while len(problems) < count and time.monotonic() < until:
        for one in executor.completed(1.0):
            problems[one.task.run] = one.problem and one.problem.message
    return problems


@pytest.fixture
def cluster(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def executor(cluster, tmp_path):
    executor = RayExecutor(Scripted(tmp_path), address=cluster.address)
    yield executor
    executor.close()


def processes(executor, run: str, count: int = 1) -> list[int]:
    """The processes that have begun a run, when there are so many."""
    path = executor._workplace.out / run
    while not (path.exists() and len(path.read_text().split()) >= count):
        executor.completed(0.1)
    return [int(line) for line in path.read_text().split()]


def test_workers_are_kept(executor, tmp_path):
    assert executor.slots == 2
    begun = time.monotonic()
    for run in ("1", "2"):
        executor.submit(task(run))
    assert finish(executor, 2) == {"1": None, "2": None}
    print("started", time.monotonic() - begun)
    begun = time.monotonic()
    for run in range(20):
        executor.submit(task(f"more-{run}", "fail" if run == 7 else ""))
        assert finish(executor, 1) == {f"more-{run}": "there is no such model" if run == 7 else None}
    overhead = (time.monotonic() - begun) / 20
    print("overhead", overhead)
    assert overhead < 0.1
    used = {process for path in tmp_path.glob("*") if path.is_file() for process in path.read_text().split()}
    assert len(used) <= 2


def test_killed_node(executor, cluster, tmp_path, capsys):
    for run in ("1", "2"):
        executor.submit(task(run, "wait"))
    by = {run: processes(executor, run)[0] for run in "12"}
    lost = next(run for run, process in by.items() if cluster.nodes[1].has(process))
    cluster.nodes[1].kill()
    while "its worker died" not in capsys.readouterr().err:
        executor.completed(0.1)
    cluster.add()
    processes(executor, lost, 2)
    for run in "12":
        (tmp_path / f"{run}.go").touch()
    assert finish(executor, 2) == {"1": None, "2": None}
