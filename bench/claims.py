"""Which studies use the artifacts below a folder, wherever their own folders are.

``<root>/.studies/<digest>.json`` says where a study is and what it has claimed: all that it takes
while it is at work. Once it is finished its ledger says what it used, and it claims nothing more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from bench.errors import BenchError
from bench.files import digest, read_json, write_json

STUDIES = ".studies"
_MENTIONED = re.compile(r"\b([a-z0-9-]+ [0-9a-f]{16})\b")


class Claims:
    """What one study claims of the artifacts below ``root``.

    Args:
        study: its folder.
    """

    def __init__(self, root: Path, study: Path) -> None:
        self._root = root
        self._study = _seen_from(root, study)
        self._path = root / STUDIES / f"{digest(self._study)}.json"
        self._names = set(read_json(self._path)["claimed"]) if self._path.exists() else set()

    def add(self, name: str) -> None:
        """Claim ``<kind> <digest>``, before it is looked for: from now on it is not pruned."""
        if name not in self._names and self._may_write():
            with claims_lock(self._root):
                self._names.add(name)
                self._write()

    def drop(self) -> None:
        """Claim nothing more: from now on the study's ledger tells."""
        if self._names:
            with claims_lock(self._root):
                self._names.clear()
                self._write()

    def _write(self) -> None:
        write_json(self._path, {"study": self._study, "claimed": sorted(self._names)})

    def _may_write(self) -> bool:
        """Where it may not, neither may who prunes: artifacts that others keep ready."""
        return not self._root.exists() or os.access(self._root, os.W_OK)


def claims_lock(root: Path) -> FileLock:
    """Held while something is claimed, or deleted because nobody claims it."""
    folder = root / STUDIES
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock")


def in_use(root: Path) -> tuple[set[str], list[Path]]:
    """``<kind> <digest>`` of all that is used, and the folders of the studies that were asked.

    They are those that are beside ``root`` and those that have ever claimed something of it. Of a
    study whose folder was deleted nothing is in use.

    Raises:
        BenchError: what a study uses cannot be told.
    """
    used, studies = set[str](), set()
    for ledger in root.parent.glob("*/ledger.csv"):
        used |= _mentioned(ledger)
        studies.add(ledger.parent.resolve())
    for path, study, claimed in _all_claims(root):
        if not study.parent.is_dir():
            raise BenchError(
                f"{study}: what this study uses cannot be told while its folder is out of reach; "
                f"if it is gone for good, delete {path}"
            )
        if study.is_dir():
            used |= {*claimed, *_mentioned(study / "ledger.csv")}
            studies.add(study.resolve())
    return used, sorted(studies)


def _all_claims(root: Path) -> Iterator[tuple[Path, Path, list[str]]]:
    for path in sorted((root / STUDIES).glob("[!.]*.json")):
        try:
            record = read_json(path)
            yield path, root / record["study"], list(record["claimed"])
        except (ValueError, KeyError, TypeError):
            raise BenchError(
                f"{path} is damaged, so what that study uses cannot be told; `bench run` writes "
                "it again once it is deleted"
            ) from None


def _mentioned(ledger: Path) -> set[str]:
    return set(_MENTIONED.findall(ledger.read_text("utf-8"))) if ledger.exists() else set()


def _seen_from(root: Path, study: Path) -> str:
    """A study beside the artifacts may be moved together with them."""
    root, study = root.resolve(), study.resolve()
    beside = study.is_relative_to(root.parent)
    return os.path.relpath(study, root) if beside else str(study)
