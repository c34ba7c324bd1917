"""What only a GPU can show, in a few minutes and without a network: true clocks, and their speed.

    python -m tests.gpu.measure --out FOLDER [--model FOLDER] [--collection BEIR_FOLDER]

writes ``gpu.json`` and ``gpu.md``. A part that fails is written down as failed; the others go on.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.encoding.device import environment
from bench.encoding.models import BUNDLED
from tests.gpu.clocks import out_of_memory, same_work, study
from tests.gpu.exactness import loss_curves, precision
from tests.gpu.setting import Setting, free
from tests.gpu.speed import encoding, kernels, speed

PARTS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "same work": same_work,
    "speed": speed,
    "kernels": kernels,
    "encoding": encoding,
    "losses": loss_curves,
    "precision": precision,
    "study": study,
    "out of memory": out_of_memory,
}


def page(found: dict[str, Any]) -> str:
    lines = [f"# On {found['environment']['device']}", ""]
    for name in PARTS:
        lines += [f"## {name}", "", "```json", json.dumps(found.get(name), indent=1), "```", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=BUNDLED)
    parser.add_argument("--collection", default="pydocs(documents=1500)")
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", nargs="*", default=list(PARTS))
    given = parser.parse_args()
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    work = out.parent / f"{out.name}-work"
    setting = Setting(given.model, given.collection, work)
    found: dict[str, Any] = {"environment": environment(setting.device)}
    for name in given.only:
        since = time.perf_counter()
        try:
            found[name] = PARTS[name](setting)
        except Exception:
            found[name] = {"failed": traceback.format_exc()}
            free()
        print(name, f"{time.perf_counter() - since:.1f} s", json.dumps(found[name])[:1500])
        (out / "gpu.json").write_text(json.dumps(found, indent=1))
        (out / "gpu.md").write_text(page(found))


if __name__ == "__main__":
    main()
