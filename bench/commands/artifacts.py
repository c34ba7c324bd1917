"""``bench artifacts``."""

from __future__ import annotations

import json as json_module
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.errors import BenchError, BusyError, InputError
from bench.storage.artifact_name import ArtifactName
from bench.storage.artifacts import RECORD, artifact_lock, damaged
from bench.storage.claims import claims_lock, forget_deleted, usage
from bench.storage.files import check_place, read_json
from bench.storage.lease import Lease
from bench.storage.work_folders import work_folders

_UNKNOWN: dict[str, Any] = {
    "made_at": "",
    "files": {},
    "bills": [{"seconds": 0.0}],
    "made_from": {},
}
"""Stands for the record of an artifact if that cannot be read."""

KEPT = {"collection"}
"""Kinds that are never pruned, because they are expensive to make."""


def show_artifacts(root: Path, prune: bool, as_json: bool) -> None:
    """List the artifacts below ``root``; with ``prune``, delete those that no study uses.

    Raises:
        InputError: there is no such folder.
        BenchError: an artifact is damaged; or, with ``prune``, it is unknown what a study uses.
    """
    if not root.is_dir():
        raise InputError(f"artifacts: there is no folder {root}")
    if prune:
        check_place("--root", root)
        with claims_lock(root) as claims:
            _prune(root, claims)
        return
    known = usage(root)
    entries = sorted(_list(root, known.names), key=lambda entry: (entry["kind"], entry["digest"]))
    if as_json:
        print(json_module.dumps(entries, indent=1, ensure_ascii=False))
    else:
        _print(entries)
        for line in known.unknown:
            print(f"what a study uses is not known: {line}")
    if broken := [entry for entry in entries if entry["damage"]]:
        names = "; ".join(
            f"{entry['kind']} {entry['digest']}: {entry['damage']}" for entry in broken
        )
        raise BenchError(f"{names} (made again when next needed)")


def _list(root: Path, used: set[str]) -> Iterator[dict[str, Any]]:
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


def _print(entries: list[dict[str, Any]]) -> None:
    table = Table("artifact", "made", "size", "seconds", "used", "")
    for entry in entries:
        table.add_row(
            f"{entry['kind']} {entry['digest']}",
            entry["made_at"],
            _size(entry["bytes"]),
            f"{entry['seconds']:,.1f}",
            "yes" if entry["used"] else "no",
            escape(entry["damage"]),
        )
    Console().print(table)
    print(f"{len(entries)} artifacts, {_size(sum(entry['bytes'] for entry in entries))}")


def _prune(root: Path, claims: Lease) -> None:
    """Delete artifacts that no known study uses, except those that are being made.

    Args:
        claims: without it, an artifact may have been claimed since.
    """
    forget_deleted(root)
    known = usage(root)
    if known.unknown:
        raise BenchError(f"nothing is pruned: {'; '.join(known.unknown)}")
    used = known.names
    count, freed = 0, 0

    def delete(name: ArtifactName, folder: Path) -> bool:
        """Delete the folder unless the artifact is being made; returns whether it was deleted."""
        claims.check()
        try:
            with artifact_lock(root, name, patience=0):
                shutil.rmtree(folder)
        except BusyError:
            print(f"left alone: {name}, which is being made")
            return False
        return True

    for path in sorted(root.glob(f"*/*/{RECORD}")):
        name = ArtifactName(*path.parent.parts[-2:])
        size = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
        if not _kept(*name, used) and delete(name, path.parent):
            count += 1
            freed += size
            print(f"deleted {name} ({_size(size)})")
    for name, work in work_folders(root):
        if str(name) not in used and delete(name, work):
            print(f"deleted what a stopped process left of {name}")
    print(f"{count} deleted, {_size(freed)}")
    studies = ", ".join(map(str, known.studies)) or "none"
    print(f"asked what they use: {studies} (a study elsewhere is known once this version ran it)")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError
