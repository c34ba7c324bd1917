"""One holder at a time, whatever happens to it; and who was only asleep harms nobody."""

import errno
import fcntl
import json
import os
import random
import signal
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.errors import BusyError, DiskFullError
from bench.storage import lease as leases
from bench.storage.lease import hold
from bench.storage.locks import study_lock
from bench.storage.processes import Process
from tests.support.forked import kill, start, wait_until


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / ".x.lease"


@pytest.fixture
def quick(monkeypatch):
    """Who does not renew its lease is dead after 0.75 s."""
    monkeypatch.setattr(leases, "BEAT", 0.05)
    monkeypatch.setattr(leases, "SLOWEST", 0.05)


def hold_for_ever(path):
    with hold(path, "busy"):
        time.sleep(600)


def held_elsewhere(path, machine="elsewhere"):
    """A process that holds the lease."""
    holder = start(hold_for_ever, path, machine=machine)
    wait_until(lambda: path.is_dir() and os.listdir(path))
    return holder


def write_holder(path, process):
    path.mkdir()
    (path / "0123456789abcdef").write_text(
        json.dumps({"process": asdict(process), "since": "2026-11-28 00:45 UTC"})
    )


def compete(path, seconds):
    """Hold the lease again and again, and say so in a file that only one may lock at a time."""
    until, draw = time.monotonic() + seconds, random.Random(os.getpid())
    with (path.parent / "witness").open("a") as witness:
        while time.monotonic() < until:
            with hold(path, "busy"):
                try:
                    fcntl.flock(witness, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    (path.parent / "two at once").touch()
                witness.write(f"{os.getpid()}\n")
                witness.flush()
                time.sleep(draw.uniform(0, 0.003))
                fcntl.flock(witness, fcntl.LOCK_UN)
            time.sleep(draw.uniform(0, 0.01))


def held_in_turn(folder) -> list[str]:
    assert not (folder / "two at once").exists()
    return (folder / "witness").read_text().splitlines()


def test_one_at_a_time_while_some_are_killed(path):
    competitors = [start(compete, path, 60) for _ in range(4)]
    draw = random.Random(3)
    for _ in range(12):
        time.sleep(draw.uniform(0.02, 0.15))
        one = competitors.pop(draw.randrange(len(competitors)))
        kill(one)
        competitors.append(start(compete, path, 60))
    for one in competitors:
        kill(one)
    since = time.monotonic()
    with hold(path, "busy"):
        assert time.monotonic() - since < 0.5
    assert not path.exists()
    assert len(set(held_in_turn(path.parent))) > 4


def test_one_takes_over_from_a_host_that_died(path, quick):
    holder = held_elsewhere(path)
    competitors = [start(compete, path, 1.5, machine=f"host-{number}") for number in range(5)]
    time.sleep(0.3)
    assert not path.with_name("witness").read_text()
    kill(holder)
    for one in competitors:
        one.join()
    assert held_in_turn(path.parent)
    assert not path.exists()


def test_killed_or_stopped_on_this_machine(path, quick):
    """Dead: taken at once, though its parent has not asked for it. Asleep: waited for."""
    holder = held_elsewhere(path, machine="")
    os.kill(holder.pid, signal.SIGSTOP)
    with pytest.raises(BusyError, match=f"busy \\(process {holder.pid} on .*, since 20.* UTC"):
        time.sleep(1.0)
        hold(path, "busy", patience=0).__enter__()
    os.kill(holder.pid, signal.SIGKILL)
    since = time.monotonic()
    with hold(path, "busy"):
        assert time.monotonic() - since < 0.5
    holder.join()


def test_a_process_id_that_is_used_again(path):
    write_holder(path, replace(Process.current(), started="1"))
    with hold(path, "busy", patience=0):
        pass


def test_alive_on_another_host_it_is_refused(path, quick):
    holder = held_elsewhere(path)
    for _ in range(3):
        with pytest.raises(BusyError, match=f"process {holder.pid} on "):
            hold(path, "busy", patience=0).__enter__()
    kill(holder)


def test_what_cannot_be_read_is_given_the_same_time(path, quick):
    path.mkdir()
    (path / "0123456789abcdef").write_bytes(b"\0\0")
    since = time.monotonic()
    with hold(path, "busy", patience=0):
        assert time.monotonic() - since > 0.7


def test_waiting_is_told_once(path, monkeypatch, capsys):
    monkeypatch.setattr(leases, "UNTOLD", 0.1)
    got = threading.Event()

    def wait():
        with hold(path, "out: busy"):
            got.set()

    with hold(path, "out: busy"):
        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(0.6)
        assert not got.is_set()
    waiter.join()
    assert got.is_set()
    told = capsys.readouterr().err.splitlines()
    (line,) = told
    assert line.startswith(f"out: busy (process {os.getpid()} on ")
    assert line.endswith("; waiting for it")


def test_a_sleeper_learns_of_it_and_takes_nothing_back(path, quick):
    with hold(path, "busy") as lost:
        time.sleep(0.2)
        lost.check()
        (path / lost.token).unlink()
        other = held_elsewhere(path)
        with pytest.raises(BusyError, match=f"busy \\(process {other.pid} .* took over"):
            lost.check()
    assert os.listdir(path)
    kill(other)


def test_a_fork_leaves_it_to_its_parent(path):
    with hold(path, "busy") as lease:
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0
            lease.check()
    if not child:
        os._exit(0)
    assert not path.exists()


def test_on_a_full_disk_nothing_is_left(path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", fail)
        with pytest.raises(DiskFullError, match=r"\.x\.lease: the disk is full"):
            hold(path, "busy").__enter__()
    assert not os.listdir(path.parent)
    with hold(path, "busy"):
        pass


def test_locks_of_earlier_versions_block_nobody(tmp_path):
    with (tmp_path / ".lock").open("w") as old:
        fcntl.flock(old, fcntl.LOCK_EX)
        with study_lock(tmp_path), pytest.raises(BusyError, match="another `bench run` is at work"):
            study_lock(tmp_path).__enter__()
