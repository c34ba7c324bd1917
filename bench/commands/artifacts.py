"""``bench artifacts``."""

from __future__ import annotations

import json as json_module
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.artifacts import RECORD, damaged
from bench.errors import BenchError, InputError
from bench.files import damaged as damaged_file
from bench.files import read_json

_UNKNOWN: dict[str, Any] = {
    "made_at": "",
    "files": {},
    "bills": [{"seconds": 0.0}],
    "made_from": {},
}
"""The record of an artifact whose own cannot be read."""

KEPT = {"collection"}
"""On nobody's bill, and dear to make: never pruned."""


def show_artifacts(root: Path, prune: bool, as_json: bool) -> None:
    """List what is prepared below ``root``; with ``prune`` delete what no run's record mentions.

    Run records are looked for beside it, in every study below its parent folder.

    Raises:
        InputError: there is no such folder.
        BenchError: something is damaged.
    """
    if not root.is_dir():
        raise InputError(f"artifacts: there is no folder {root}")
    used = _used(root.parent)
    found = sorted(_found(root, used), key=lambda entry: (entry["kind"], entry["digest"]))
    if prune:
        _prune(root, [entry for entry in found if not entry["used"]])
        return
    if as_json:
        print(json_module.dumps(found, indent=1, ensure_ascii=False))
    else:
        _print(found)
    if broken := [entry for entry in found if entry["damage"]]:
        names = "; ".join(
            f"{entry['kind']} {entry['digest']}: {entry['damage']}" for entry in broken
        )
        raise BenchError(f"{names} (made again when next needed)")


def _found(root: Path, used: set[str]) -> Iterator[dict[str, Any]]:
    for path in root.glob(f"*/*/{RECORD}"):
        folder, damage = path.parent, damaged(path.parent)
        record = _UNKNOWN if damage == f"{RECORD} is damaged" else read_json(path)
        yield {
            "kind": folder.parent.name,
            "digest": folder.name,
            "made_at": record["made_at"],
            "bytes": sum(file["bytes"] for file in record["files"].values()),
            "seconds": record["bills"][0]["seconds"],
            "made_from": record["made_from"],
            "damage": damage,
            "used": folder.parent.name in KEPT or f"{folder.parent.name} {folder.name}" in used,
        }


def _used(results: Path) -> set[str]:
    """``<kind> <digest>`` of everything that a ledger below ``results`` mentions."""
    mentioned = re.compile(r"\b([a-z0-9-]+ [0-9a-f]{16})\b")
    return {
        found
        for ledger in results.glob("*/ledger.csv")
        for found in mentioned.findall(_text(ledger))
    }


def _text(ledger: Path) -> str:
    try:
        return ledger.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise damaged_file(ledger, error, "`bench run` makes it again from the records") from None


def _print(found: list[dict[str, Any]]) -> None:
    table = Table("artifact", "made", "size", "seconds", "used", "")
    for entry in found:
        table.add_row(
            f"{entry['kind']} {entry['digest']}",
            entry["made_at"],
            _size(entry["bytes"]),
            f"{entry['seconds']:,.1f}",
            "yes" if entry["used"] else "no",
            escape(entry["damage"]),
        )
    Console().print(table)
    print(f"{len(found)} artifacts, {_size(sum(entry['bytes'] for entry in found))}")


def _prune(root: Path, unused: list[dict[str, Any]]) -> None:
    for entry in unused:
        shutil.rmtree(root / entry["kind"] / entry["digest"])
        print(f"deleted {entry['kind']} {entry['digest']} ({_size(entry['bytes'])})")
    for work in root.glob("*/.*.work"):
        shutil.rmtree(work)
        print(f"deleted what a stopped process left of {work.parent.name}")
    print(f"{len(unused)} deleted, {_size(sum(entry['bytes'] for entry in unused))}")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError
