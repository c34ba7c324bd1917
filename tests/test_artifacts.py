"""Artifacts: made once, whole or not at all, with their bills."""

import subprocess
import sys
import textwrap

import pytest

from bench.artifacts import Artifacts, Made, once
from bench.files import atomic, atomic_folder, canonical, digest, remove_leftovers
from bench.ledger import Bill, Clocks, cold_seconds, warm_seconds


def test_made_once_and_billed(tmp_path):
    artifacts = Artifacts(tmp_path)
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "file").write_text("content")
        return Made(texts=3, tokens=30, device="there", about={"x": 1})

    made = artifacts.get("things", {"of": 0.1 + 0.2}, make)
    found = artifacts.get("things", {"of": 0.3}, make)
    assert len(calls) == 1
    assert made.folder == found.folder
    assert (found.folder / "file").read_text() == "content"
    assert found.about == {"x": 1}
    (own,) = made.bills
    assert (own.phase, own.texts, own.tokens, own.device) == ("prepare", 3, 30, "there")
    assert own.seconds > 0
    assert not own.reused
    assert found.bills == (own.as_reused(),)
    assert artifacts.get("things", {"of": 0.4}, make).folder != made.folder


def test_bills_of_what_it_was_made_from_come_with_it_once(tmp_path):
    artifacts = Artifacts(tmp_path)

    def make(folder):
        return Made()

    base = artifacts.get("base", {}, make)
    left, right = (artifacts.get(kind, {}, make, [base]) for kind in ("left", "right"))
    top = artifacts.get("top", {}, make, [left, right])
    assert [bill.what.split()[0] for bill in top.bills] == ["top", "left", "base", "right"]
    again = artifacts.get("top", {}, make, [left, right])
    assert [bill.what for bill in again.bills] == [bill.what for bill in top.bills]


def test_a_failure_leaves_nothing(tmp_path):
    def make(folder):
        (folder / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Artifacts(tmp_path).get("things", {}, make)
    assert not list((tmp_path / "things").iterdir())


def test_two_processes_make_it_once(tmp_path):
    code = f"""
        import os, time
        from pathlib import Path
        from bench.artifacts import Artifacts, Made
        def make(folder):
            with open({str(tmp_path / "calls")!r}, "a") as stream:
                stream.write(f"{{os.getpid()}}\\n")
            time.sleep(1)
            return Made()
        Artifacts(Path({str(tmp_path / "a")!r})).get("things", {{}}, make)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_files_appear_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "folder") as aside:
        (aside / "half").write_text("half")
        raise RuntimeError
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    (tmp_path / ".file.x.part").write_text("left by a kill")
    (tmp_path / ".folder.x.part").mkdir()
    remove_leftovers(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_digests_see_values_not_spelling():
    assert digest({"a": 0.1 + 0.2, "b": [1]}) == digest({"b": (1,), "a": 0.3})
    assert digest({"a": 1}) != digest({"a": 2})
    assert canonical({"a": [0.1 + 0.2]}) == {"a": [0.3]}


def test_charges_are_sums_by_phase():
    bills = [
        Bill("prepare", "tokens x", 5.0, reused=True),
        Bill("prepare", "teacher y", 7.0),
        Bill("read", "tokens x", 0.25),
        Bill("train", "run", 10.0),
        Bill("evaluate", "run", 3.0),
        Bill("wasted", "run", 100.0),
    ]
    assert cold_seconds(bills) == 22.0
    assert warm_seconds(bills) == 10.25
    assert len(once([*bills[:2], *bills[:2]])) == 2


def test_clocks_charge_a_block_that_fails():
    clocks = Clocks({"train": 5.0})
    with pytest.raises(ValueError, match="x"), clocks("train"):
        assert clocks.read("train") >= 5.0
        raise ValueError("x")
    assert clocks.read("train") > 5.0
    assert clocks.all().keys() == {"train"}
