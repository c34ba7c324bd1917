"""A maker that was asleep and wakes up after another one took its artifact over harms nobody."""

import json
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bench.errors import InputError
from bench.storage import artifacts as module
from bench.storage import lease as leases
from bench.storage.artifacts import Artifacts, BuildReport, damaged, shard
from bench.storage.claims import Claims
from tests.support.forked import start, wait_until

PARTS = 6


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Who does not renew its lease is dead after 0.75 s."""
    monkeypatch.setattr(leases, "BEAT", 0.05)
    monkeypatch.setattr(leases, "SLOWEST", 0.05)


def sleep():
    os.kill(os.getpid(), signal.SIGSTOP)


def maker(moment, name, log):
    """Makes six shards and their sum; at each step, ``moment`` is told its name."""

    def make(folder):
        def part(number):
            moment(f"part {number}")
            with log.open("a") as lines:
                lines.write(f"{name} {number}\n")
            return np.full(1000, number)

        for number in range(PARTS):
            shard(folder, f"part-{number}", lambda number=number: part(number))
            moment(f"after part {number}")
        parts = [np.load(folder / f"part-{number}.npy") for number in range(PARTS)]
        moment("before the sum")
        np.save(folder / "sum.npy", sum(parts))
        for path in folder.glob("part-*.npy"):
            path.unlink()
        return BuildReport(texts=PARTS)

    return make


def make_and_sleep(folder, when):
    """Falls asleep at a moment; leaves the bills it was given."""

    def moment(what):
        if what == when:
            sleep()

    real = os.replace

    def replace(source, target):
        if when == "before the last step" and str(source).endswith(".work"):
            sleep()
        real(source, target)

    module.os.replace = replace
    made = Artifacts(folder / "artifacts").get("sums", {}, maker(moment, "sleeper", folder / "log"))
    found = {"content": np.load(made.folder / "sum.npy").tolist()}
    (folder / "sleeper.json").write_text(
        json.dumps({**found, "bills": [asdict(bill) for bill in made.bills]})
    )


def state(process) -> str:
    with open(f"/proc/{process.pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


WHILE, AFTER = "while the other makes it", "once the other is done"


@pytest.mark.parametrize(
    ("sleeps", "wakes"),
    [
        ("part 0", AFTER),
        ("part 3", WHILE),
        ("part 3", AFTER),
        ("after part 3", WHILE),
        ("before the sum", AFTER),
        ("before the last step", WHILE),
        ("before the last step", AFTER),
    ],
)
def test_whole_the_same_and_billed_once(tmp_path, sleeps, wakes):
    sleeper = start(make_and_sleep, tmp_path, sleeps, machine="elsewhere")
    wait_until(lambda: state(sleeper) == "T")

    def moment(what):
        if wakes == WHILE and what == f"part {PARTS - 1}":
            os.kill(sleeper.pid, signal.SIGCONT)
            time.sleep(0.3)

    log = tmp_path / "log"
    artifacts = Artifacts(tmp_path / "artifacts")
    made = artifacts.get("sums", {}, maker(moment, "second", log))
    os.kill(sleeper.pid, signal.SIGCONT)
    sleeper.join()
    assert sleeper.exitcode == 0
    wanted = np.full(1000, sum(range(PARTS))).tolist()
    assert np.load(made.folder / "sum.npy").tolist() == wanted
    assert not damaged(made.folder)
    theirs = json.loads((tmp_path / "sleeper.json").read_text())
    assert theirs["content"] == wanted
    assert [not made.bills[0].reused, not theirs["bills"][0]["reused"]].count(True) == 1
    if sleeps != "before the last step":  # when there are no shards any more
        assert len(log.read_text().splitlines()) <= PARTS + 1  # the one that it was asleep in
    assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]
    assert [path.name for path in artifacts.root.iterdir()] == ["sums"]


def test_an_artifact_that_may_only_be_read(tmp_path, capfd):
    """Used as it is; what is not there is refused, and nothing waits for a lease."""
    root = tmp_path / "artifacts"
    make = maker(str, "first", tmp_path / "log")
    Artifacts(root).get("sums", {}, make)
    (tmp_path / "study").mkdir()
    for path in [*root.rglob("*"), root]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    reader = start(read_only, tmp_path, make)
    reader.join()
    assert reader.exitcode == 0
    root.chmod(0o755)
    assert "who prunes it is not told" in capfd.readouterr().err


def read_only(folder, make):
    os.chdir(folder / "artifacts")
    if os.geteuid() == 0:  # who may write everywhere
        os.setuid(65534)
    artifacts = Artifacts(Path("."))
    artifacts.claims = Claims(artifacts.root, folder / "study")
    assert artifacts.get("sums", {}, make).bills[0].reused
    with pytest.raises(InputError, match="--artifacts .: nothing can be made in"):
        artifacts.get("sums", {"other": 1}, make)
