"""Two workers on two cores, beside two bare processes that train the same, and beside one process.

Each trains the same runs: two arms, of which the bare processes have one each.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest
import tomli_w

from bench.storage.journal import Journal

RUN = Path(__file__).with_name("carry_out.py")
SEEDS = 3
LEAST = 0.9
"""Of what two bare processes do in a second."""

MOST = 1.0
"""Seconds from the end of a run until its worker begins the next one."""

STUDY = {
    "name": "workers",
    "title": "Workers",
    "collection": "pydocs(documents=300)",
    "seeds": list(range(1, SEEDS + 1)),
    "baseline": "one",
    "budget": {"steps": 40},
    "training": {"batch_size": 16},
    "evaluation": {"points": 2, "pool": 20},
    "keep_students": False,
    "defaults": {"student": "truncated(layers=2, max_length=32)"},
    "arms": [{"name": "one", "loss": "infonce"}, {"name": "other", "loss": "triplet"}],
}


def start(folder: Path, name: str, threads: int, **changes) -> subprocess.Popen:
    """Carry out the study in a process of its own, without a report."""
    file = folder / f"{name}.toml"
    file.write_text(tomli_w.dumps(STUDY | changes))
    return subprocess.Popen(
        [sys.executable, str(RUN), str(file), str(folder / name), str(folder / "artifacts")],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stderr=subprocess.DEVNULL,
    )


def spans(folder: Path, *names: str) -> list[tuple[float, float]]:
    """When each final run began and ended."""
    found = []
    for name in names:
        journal = Journal(folder / name)
        for key, run in journal.jobs.items():
            if key[0] == "final":
                end = (folder / name / "runs" / run / "run.json").stat().st_mtime
                bills = journal.find(run).bills
                own = sum(bill.seconds for bill in bills if bill.artifact is None)
                found.append((end - own, end))
    return found


def seconds(folder: Path, *names: str) -> float:
    """From when the first final run began until the last was finished."""
    begun, ended = zip(*spans(folder, *names), strict=True)
    return max(ended) - min(begun)


def overhead(folder: Path, name: str, workers: int) -> float:
    """Seconds from the end of a run until the next one begins, in the middle."""
    begun, ended = map(sorted, zip(*spans(folder, name), strict=True))
    return median(after - before for before, after in zip(ended, begun[workers:], strict=False))


@pytest.mark.timeout(3600)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two workers need two cores")
def test_two_workers_are_as_fast_as_two_processes(tmp_path):
    assert start(tmp_path, "artifacts-are-made", 2, seeds=[1]).wait() == 0
    ratios, ratios_to_local, overheads = [], [], []
    for repeat in range(3):
        arms = STUDY["arms"]
        names = [f"bare-{repeat}-{at}" for at in range(2)]
        bare = [
            start(tmp_path, name, 1, arms=[arm], baseline=arm["name"])
            for name, arm in zip(names, arms, strict=True)
        ]
        assert [one.wait() for one in bare] == [0, 0]
        time.sleep(1)
        two = {"executor": "processes", "workers": 2}
        assert start(tmp_path, f"workers-{repeat}", 1, execution=two).wait() == 0
        assert start(tmp_path, f"local-{repeat}", 2).wait() == 0
        of_workers = seconds(tmp_path, f"workers-{repeat}")
        ratios.append(seconds(tmp_path, *names) / of_workers)
        ratios_to_local.append(seconds(tmp_path, f"local-{repeat}") / of_workers)
        overheads.append(overhead(tmp_path, f"workers-{repeat}", 2))
    print(
        f"\ntwo workers do {median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f}) "
        f"what two bare processes do, and {median(ratios_to_local):.2f} times "
        f"({min(ratios_to_local):.2f} to {max(ratios_to_local):.2f}) what one process of two "
        f"threads does; from one run to the next, {median(overheads):.2f} s"
    )
    assert median(ratios) >= LEAST
    assert median(overheads) < MOST
