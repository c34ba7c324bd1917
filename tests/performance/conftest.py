"""The table of what was measured, printed at the end and written as JSON."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.performance.rows import Table

PLACE = Path("performance.json")


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
    rows = [{**asdict(row), "reached": row.reached} for row in table.rows]
    PLACE.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))
    print("\n\n" + " · ".join(map(str, machine.values())))
    print(*table.rows, sep="\n")
    print(f"also in {PLACE.resolve()}")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
