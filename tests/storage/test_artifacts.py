"""Artifacts: made once, whole or not at all, with their bills."""

import random
import shutil
import subprocess
import sys
import textwrap
import time
from functools import partial

import numpy as np
import pytest

from bench.storage.artifacts import Artifacts, BuildReport, damaged, shard, unique_bills
from bench.storage.files import atomic, atomic_folder, canonical, digest, remove_leftovers
from bench.storage.ledger import Bill, PhaseTimer, charge, tuning_seconds


def test_made_once_and_billed(tmp_path):
    artifacts = Artifacts(tmp_path)
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "file").write_text("content")
        return BuildReport(texts=3, tokens=30, device="there", about={"x": 1})

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


def test_warming_up_is_on_no_bill(tmp_path):
    def make(folder):
        time.sleep(0.2)
        return BuildReport(warming=0.15)

    made = Artifacts(tmp_path).get("things", {}, make)
    (own,) = made.bills
    assert 0.05 <= own.seconds < 0.15
    assert made.about == {"warming": 0.15}


def test_bills_of_what_it_was_made_from_come_with_it_once(tmp_path):
    artifacts = Artifacts(tmp_path)

    def make(folder):
        return BuildReport()

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


def numbers(folder):
    np.save(folder / "numbers.npy", np.arange(1000))
    (folder / "more").mkdir(exist_ok=True)
    (folder / "more" / "text").write_text("text")
    return BuildReport()


@pytest.mark.parametrize("name", ["numbers.npy", "more/text"])
@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_damage_is_found_named_and_mended(tmp_path, capsys, name, harm):
    made = Artifacts(tmp_path).get("things", {}, numbers)
    file = made.folder / name
    content = file.read_bytes()
    if harm == "flip":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        file.write_bytes(content[:middle] + flipped + content[middle + 1 :])
    elif harm == "cut":
        file.write_bytes(content[:-1])
    else:
        file.unlink()
    # Another process, which has not looked at it yet.
    again = Artifacts(tmp_path).get("things", {}, numbers)
    assert file.read_bytes() == content
    told = capsys.readouterr().err
    assert f"things {made.digest}: {name} is" in told
    assert "made again" in told
    assert not again.bills[0].reused
    assert Artifacts(tmp_path).get("things", {}, numbers).bills[0].reused


def test_what_is_deleted_in_the_middle_is_made_again(tmp_path):
    artifacts = Artifacts(tmp_path)
    made = artifacts.get("things", {}, numbers)
    shutil.rmtree(made.folder)
    assert artifacts.get("things", {}, numbers).folder.exists()
    assert (made.folder / "numbers.npy").exists()


def test_a_long_work_goes_on_from_its_last_shard(tmp_path):
    calls = []

    def make(folder, stop_at=None):
        parts = []
        for number in range(4):

            def part(number=number):
                if number == stop_at:
                    raise KeyboardInterrupt
                calls.append(number)
                time.sleep(0.05)
                return np.full(3, number)

            parts.append(shard(folder, f"part-{number}", part))
        np.save(folder / "all.npy", np.concatenate(parts))
        return BuildReport()

    with pytest.raises(KeyboardInterrupt):
        Artifacts(tmp_path).get("things", {}, partial(make, stop_at=2))
    made = Artifacts(tmp_path).get("things", {}, make)
    assert calls == [0, 1, 2, 3]
    assert np.load(made.folder / "all.npy").tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    # The seconds of the first attempt's shards are on the bill too.
    assert made.bills[0].seconds > 0.19
    assert not list(made.folder.parent.glob(".*"))


def test_killed_in_the_middle_of_a_shard(tmp_path):
    """kill -9 at random moments of a work of twenty shards; what comes out is the same."""
    code = f"""
        import time
        from functools import partial
        from pathlib import Path
        import numpy as np
        from bench.storage.artifacts import Artifacts, BuildReport, shard
        def part(number):
            time.sleep(0.03)
            return np.full(5000, number)
        def make(folder):
            parts = [shard(folder, f"part-{{n:03d}}", partial(part, n)) for n in range(20)]
            np.save(folder / "all.npy", np.concatenate(parts))
            for path in folder.glob("part-*.npy"):
                path.unlink()
            return BuildReport()
        Artifacts(Path({str(tmp_path)!r})).get("things", {{}}, make)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    draw = random.Random(0)
    for _ in range(4):
        process = subprocess.Popen(command)
        time.sleep(draw.uniform(0.3, 1.0))
        process.kill()
        process.wait()
    assert subprocess.run(command, check=True).returncode == 0
    (made,) = [path for path in (tmp_path / "things").iterdir() if not path.name.startswith(".")]
    wanted = np.repeat(np.arange(20), 5000)
    assert np.array_equal(np.load(made / "all.npy"), wanted)
    assert not damaged(made)


def test_what_is_due_by_example_is_told_apart(tmp_path):
    made = Artifacts(tmp_path).get("scores", {}, lambda folder: BuildReport(examples=40, flops=1e9))
    assert (made.bills[0].phase, made.bills[0].examples, made.bills[0].flops) == ("score", 40, 1e9)


def test_two_processes_make_it_once(tmp_path):
    code = f"""
        import os, time
        from pathlib import Path
        from bench.storage.artifacts import Artifacts, BuildReport
        def make(folder):
            with open({str(tmp_path / "calls")!r}, "a") as stream:
                stream.write(f"{{os.getpid()}}\\n")
            time.sleep(3)
            return BuildReport()
        made = Artifacts(Path({str(tmp_path / "a")!r})).get("things", {{}}, make)
        print(made.read_seconds)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    reading = [float(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    assert max(reading) < 1.5  # to wait is not to read


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
    assert charge(bills, "cold") == 22.0
    assert charge(bills, "warm") == 10.25
    mining = [*bills, Bill("mine", "run", 2.0), Bill("score", "scores z", 4.0)]
    assert charge(mining, "cold") == 28.0
    assert charge(mining, "warm") == 12.25
    assert len(unique_bills([*bills[:2], *bills[:2]])) == 2


def test_tuning_adds_trials_and_the_artifacts_only_they_needed():
    own = [Bill("prepare", "teacher y", 7.0), Bill("score", "scores 1", 4.0)]
    trial = [Bill("prepare", "teacher y", 7.0), Bill("score", "scores 0", 5.0)]
    work = [Bill("train", "run", 10.0), Bill("evaluate", "run", 3.0), Bill("test", "run", 99.0)]
    assert tuning_seconds(own, [[*trial, *work], [*trial, *work]]) == 2 * 13.0 + 5.0


def test_clocks_charge_a_block_that_fails():
    clocks = PhaseTimer({"train": 5.0})
    with pytest.raises(ValueError, match="x"), clocks("train"):
        assert clocks.read("train") >= 5.0
        raise ValueError("x")
    assert clocks.read("train") > 5.0
    assert clocks.all().keys() == {"train"}


def test_what_a_killed_maker_left_is_no_part_of_it(tmp_path):
    """Anything where no shard is whole; half-written files beside whole shards."""

    def make(folder):
        before.append({path.name for path in folder.iterdir()})
        (folder / "late").write_text("whole")
        return BuildReport()

    before: list[set[str]] = []
    made = Artifacts(tmp_path).get("things", {}, make)
    for shards in ({}, {".shards.json": '{"part-0": 1.5}'}):
        aside = made.folder.rename(made.folder.with_name(f".{made.digest}.work"))
        (aside / "artifact.json").unlink()
        for name, text in {"early": "half", ".ids.npy.abcdefgh.part": "half", **shards}.items():
            (aside / name).write_text(text)
        made = Artifacts(tmp_path).get("things", {}, make)
    assert before == [set(), set(), {"early", "late", ".shards.json"}]
    assert made.bills[0].seconds > 1.5
    assert not [*made.folder.glob(".*")]
