"""``bench artifacts``."""

from __future__ import annotations

import json as json_module
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import Timeout
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.errors import BenchError, InputError
from bench.storage.artifacts import RECORD, artifact_lock, damaged
from bench.storage.claims import claims_lock, forget_deleted, usage
from bench.storage.files import check_place, read_json

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
    """List what is prepared below ``root``; with ``prune`` delete what no study uses.

    Raises:
        InputError: there is no such folder.
        BenchError: something is damaged, or what a study uses cannot be told.
    """
    if not root.is_dir():
        raise InputError(f"artifacts: there is no folder {root}")
    if prune:
        check_place("--root", root)
        with claims_lock(root):
            _prune(root)
        return
    known = usage(root)
    found = sorted(_found(root, known.names), key=lambda entry: (entry["kind"], entry["digest"]))
    if as_json:
        print(json_module.dumps(found, indent=1, ensure_ascii=False))
    else:
        _print(found)
        for line in known.unknown:
            print(f"what a study uses is not known: {line}")
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
            "used": _kept(folder.parent.name, folder.name, used),
        }


def _kept(kind: str, identity: str, used: set[str]) -> bool:
    return kind in KEPT or f"{kind} {identity}" in used


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


def _prune(root: Path) -> None:
    """Delete what nobody uses; what is being made is left alone."""
    forget_deleted(root)
    known = usage(root)
    if known.unknown:
        raise BenchError(f"nothing is pruned: {'; '.join(known.unknown)}")
    used = known.names
    count, freed = 0, 0
    for path in sorted(root.glob(f"*/*/{RECORD}")):
        kind, identity = path.parent.parent.name, path.parent.name
        size = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
        if not _kept(kind, identity, used) and _delete(path.parent, path.parent):
            count += 1
            freed += size
            print(f"deleted {kind} {identity} ({_size(size)})")
    for work in sorted(root.glob("*/.*.work")):
        kind, identity = work.parent.name, work.name.removeprefix(".").removesuffix(".work")
        if f"{kind} {identity}" not in used and _delete(work, work.parent / identity):
            print(f"deleted what a stopped process left of {kind} {identity}")
    print(f"{count} deleted, {_size(freed)}")
    asked = ", ".join(map(str, known.studies)) or "none"
    print(f"asked what they use: {asked} (a study elsewhere is known once this version ran it)")


def _delete(folder: Path, artifact: Path) -> bool:
    """Delete it, unless the artifact is being made right now."""
    try:
        with artifact_lock(artifact).acquire(timeout=0):
            shutil.rmtree(folder)
    except Timeout:
        print(f"left alone: {artifact.parent.name} {artifact.name}, which is being made")
        return False
    return True


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError
