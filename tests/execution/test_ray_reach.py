"""A Ray cluster that cannot be reached is told in one line, without Ray."""

import socket

import pytest

from bench.errors import BenchError, InputError
from bench.execution.executors import _ray_cluster, _ray_head
from bench.execution.executors._ray_cluster import RayCluster, Share
from bench.execution.executors._ray_head import RayHead


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def address(listening) -> str:
    return ":".join(map(str, listening.getsockname()))


def test_ray_is_not_installed(monkeypatch):
    monkeypatch.setattr(_ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install retrieval-bench\[ray\]"):
        RayCluster("")


@pytest.mark.parametrize("wrong", ["auto", "head", "ray://head:10001", "head:port"])
def test_no_address(monkeypatch, wrong):
    monkeypatch.setattr(_ray_cluster, "find_spec", lambda name: name)
    monkeypatch.setenv("RAY_ADDRESS", wrong)
    with pytest.raises(InputError, match=f"'{wrong}': .* is host:port"):
        RayCluster("")


def test_nobody_there(monkeypatch, listening):
    monkeypatch.setattr(_ray_cluster, "find_spec", lambda name: name)
    head = address(listening)
    listening.close()
    with pytest.raises(BenchError, match=f"head of the Ray cluster at {head} does not answer"):
        RayCluster(head)


def test_silence(listening, monkeypatch):
    monkeypatch.setattr(_ray_head, "FRESH", 0)
    head = RayHead(address(listening))
    head.check()
    listening.close()
    head.check()
    monkeypatch.setattr(_ray_head, "PATIENCE", 0)
    with pytest.raises(BenchError, match="does not answer"):
        head.check()


def test_room():
    node = {"Resources": {"CPU": 16.0, "GPU": 2.0}}
    assert Share(1, 0).fits(node) == 16
    assert Share(6, 0.5).fits(node) == 2
    assert Share(1, 0.5).fits(node) == 4
    assert Share(1, 1).fits({"Resources": {"CPU": 16.0}}) == 0
