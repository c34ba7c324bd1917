"""The table of what was measured, printed at the end and written as JSON."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from statistics import median

import pytest
import torch

from tests.performance.pairs import Ratio

PLACE = Path("performance.json")


class Table:
    """What was measured so far, a row each."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def add(self, name: str, ratio: Ratio, target: float) -> None:
        """Add a row, which fails the test where it misses its target."""
        pairs = [{"ours": ours, "theirs": theirs} for ours, theirs in ratio.pairs]
        row = {"name": name, "target": target, "median": ratio.median, "seconds": pairs}
        self.rows.append(row | {"range": [ratio.each[0], ratio.each[-1]]})
        assert ratio.median >= target, f"{name}: {ratio}, wanted {target:.2f}"

    def add_value(self, name: str, values: list[float], most: float) -> None:
        """Add a row of numbers whose median must not exceed ``most``."""
        middle = median(values)
        row = {"name": name, "most": most, "median": middle, "values": values}
        self.rows.append(row | {"range": [min(values), max(values)]})
        assert middle <= most, f"{name}: {middle:.2f}, at most {most} wanted"


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
        if "most" in row:
            wanted, missed = f"≤ {row['most']:g}", row["median"] > row["most"]
        else:
            wanted, missed = f"≥ {row['target']:.3g}", row["median"] < row["target"]
        print(f"{row['name']:{width}}  {measured}  wanted {wanted}{'  missed' if missed else ''}")
    print(f"also in {PLACE.resolve()}")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
