"""The table of what was measured, printed at the end and written as JSON."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
import torch

from tests.performance.pairs import Ratio

PLACE = Path("performance.json")


class Table:
    """What was measured so far, a row each."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def add(self, name: str, ratio: Ratio, target: float) -> None:
        """Add a row, whether it reaches its target or not."""
        pairs = [{"ours": ours, "theirs": theirs} for ours, theirs in ratio.pairs]
        row = {"name": name, "target": target, "median": ratio.median, "seconds": pairs}
        self.rows.append(row | {"range": [ratio.each[0], ratio.each[-1]]})


@pytest.fixture(scope="session")
def table():
    table = Table()
    yield table
    machine = {
        "machine": platform.platform(),
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    PLACE.write_text(json.dumps({"machine": machine, "rows": table.rows}, indent=1))
    print("\n\n" + " · ".join(map(str, machine.values())))
    width = max([0, *(len(row["name"]) for row in table.rows)])
    for row in table.rows:
        low, high = row["range"]
        measured = f"{row['median']:5.2f} ({low:.2f} to {high:.2f})"
        verdict = "" if row["median"] >= row["target"] else "  missed"
        print(f"{row['name']:{width}}  {measured}  wanted {row['target']:g}{verdict}")
    print(f"also in {PLACE.resolve()}")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
