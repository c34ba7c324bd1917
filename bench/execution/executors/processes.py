"""Runs side by side in processes of this machine: one for each GPU, or on shares of the cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import InputError
from bench.execution.executors.base import DEATHS, Completion, Problem
from bench.execution.task import Task
from bench.execution.worker import Workplace
from bench.lazy import Library
from bench.progress import say

if TYPE_CHECKING:
    import torch
else:
    torch = Library("torch")

LOGS = "logs"
"""Folder of the workers' logs in a study's folder."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
"""Variables that say how many threads the libraries of a process use."""

PATIENCE = 5.0
"""Seconds that an idle worker has to end by itself."""

# Forked processes could use neither CUDA nor their own number of threads.
_processes = multiprocessing.get_context("spawn")


class ProcessExecutor:
    """Worker processes that live as long as the study is carried out.

    Args:
        workers: how many; by default one for each GPU.

    Raises:
        InputError: there are not so many GPUs or cores, or none is asked for where no GPU is.
    """

    def __init__(self, place: Workplace, workers: int | None) -> None:
        environments = share_machine(workers)
        self.slots = len(environments)
        self._workers = [
            _Worker(place, self.slots, place.out / LOGS / f"worker-{number}.log", environment)
            for number, environment in enumerate(environments, start=1)
        ]
        self._deaths: dict[str, int] = {}

    def submit(self, task: Task) -> None:
        next(worker for worker in self._workers if worker.task is None).begin(task)

    def completed(self, timeout: float) -> list[Completion]:
        busy = [worker for worker in self._workers if worker.task is not None]
        if busy:
            wait([one for worker in busy for one in worker.signals], timeout)
        return [ended for worker in busy if (ended := self._look_after(worker))]

    def close(self) -> None:
        for worker in self._workers:
            worker.end()

    def _look_after(self, worker: _Worker) -> Completion | None:
        """The end of a worker's task; if it died, a new one goes on and there is no end yet."""
        if completion := worker.take_answer():
            return completion
        return None if worker.is_alive() else self._replace(worker)

    def _replace(self, worker: _Worker) -> Completion | None:
        task = worker.task
        assert task is not None
        deaths = self._deaths[task.run] = self._deaths.get(task.run, 0) + 1
        what = f"{task.job.describe()}: its worker died ({worker.how_it_ended()})"
        worker.kill()
        if deaths == DEATHS:
            problem = f"{what} {deaths} times; its log: {worker.log}"
            return Completion(task, Problem("BenchError", problem))
        say(f"{what}; another one goes on from its checkpoint")
        worker.begin(task)
        return None


@dataclass
class _Worker:
    """A process that carries out tasks one after the other, and its end of the connection.

    Attributes:
        workers: how many there are on this machine.
        task: what it is doing; `None` if it is idle.
    """

    place: Workplace
    workers: int
    log: Path
    environment: Mapping[str, str]
    task: Task | None = None

    def __post_init__(self) -> None:
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def begin(self, task: Task) -> None:
        """Have a task carried out; the process is started first if there is none."""
        if self._process is None:
            self._start()
        assert self._connection is not None
        self.task = task
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: seen later
            self._connection.send(task)

    def _start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._connection, theirs = _processes.Pipe()
        self._process = _processes.Process(
            target=_serve, args=(theirs, self.place, self.log, self.workers), daemon=True
        )
        with _environment(self.environment):
            self._process.start()
        theirs.close()

    @property
    def signals(self) -> list[Connection | int]:
        """What to wait for: its answer, or its death."""
        assert self._process is not None
        assert self._connection is not None
        return [self._connection, self._process.sentinel]

    def take_answer(self) -> Completion | None:
        """The end of its task; `None` if it is not over, or if the worker died."""
        assert self._connection is not None
        assert self.task is not None
        try:
            if not self._connection.poll():
                return None
            completion = Completion(self.task, self._connection.recv())
        except (EOFError, OSError):
            return None
        self.task = None
        return completion

    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def how_it_ended(self) -> str:
        """How the process ended, in words."""
        assert self._process is not None
        self._process.join()
        code = self._process.exitcode or 0
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def end(self) -> None:
        """Let the process end by itself if it is idle, else kill it."""
        if self._process is not None and self.task is None:
            assert self._connection is not None
            self._connection.close()
            self._process.join(timeout=PATIENCE)
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._connection = self.task = None


def _serve(connection: Connection, place: Workplace, log: Path, workers: int) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    worker = None
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return  # there is nothing more to do
        try:
            worker = worker or place.open(str(log), workers)
            worker.execute(task)
        except Exception as error:
            connection.send(Problem.of(error))
        else:
            connection.send(None)


def _end_with_parent() -> None:
    """End this process as soon as its parent is dead, so that no run is done twice at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def share_machine(workers: int | None) -> list[dict[str, str]]:
    """The environment variables of each worker: its GPU and its number of threads.

    Raises:
        InputError: there are not so many GPUs or cores, or none is asked for where no GPU is.
    """
    cores, gpus = len(os.sched_getaffinity(0)), _gpus()
    if gpus:
        workers = _at_most(workers or len(gpus), len(gpus), "GPUs")
    elif workers is None:
        raise InputError(f"--workers: say how many, at most {cores} (the cores of this machine)")
    else:
        _at_most(workers, cores, "cores")
    # At most what the user allows.
    threads = min(cores // workers, int(os.environ.get("OMP_NUM_THREADS", cores)))
    shared = dict.fromkeys(THREADS, str(max(1, threads)))
    if not gpus:
        return [shared] * workers
    return [{**shared, "CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus[:workers]]


def _at_most(workers: int, most: int, what: str) -> int:
    if workers > most:
        raise InputError(f"--workers {workers}: there are {most} {what} here, one for each worker")
    return workers


def _gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    count = torch.cuda.device_count()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = given.split(",") if given else [str(number) for number in range(count)]
    return [name.strip() for name in names][:count]


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes that the block starts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
