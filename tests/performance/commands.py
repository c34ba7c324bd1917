"""Times commands as a user would: from their start to their end."""

import subprocess
import sys
import time
from pathlib import Path

BENCH = Path(sys.executable).with_name("bench")


def seconds(*command: object) -> float:
    since = time.perf_counter()
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return time.perf_counter() - since
