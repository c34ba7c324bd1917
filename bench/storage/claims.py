"""Which studies use the artifacts below a folder, wherever their own folders are.

``<root>/.studies/<digest>.json`` says where a study is and which artifacts it has claimed. A study
claims all that it takes while it runs. Once it is finished, its ledger says what it used, and it
claims nothing more.
"""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.progress import say_once
from bench.storage.artifact_name import ArtifactName
from bench.storage.files import digest, read_json, write_json
from bench.storage.lease import Lease, hold

STUDIES = ".studies"


class Claims:
    """What one study claims of the artifacts below ``root``, by any of its processes.

    Args:
        study: its folder.
    """

    def __init__(self, root: Path, study: Path) -> None:
        self._root = root
        self._study = _seen_from(root, study)
        self._path = root / STUDIES / f"{digest(self._study)}.json"
        self._names = self._claimed()

    def add(self, name: ArtifactName) -> None:
        """Claim an artifact before it is looked for: from now on it is not pruned."""
        if str(name) not in self._names:
            self._names.add(str(name))
            self._write(keep=True)

    def drop(self) -> None:
        """Claim nothing more: from now on the study's ledger says what it uses."""
        self._names.clear()
        self._write(keep=False)

    def _claimed(self) -> set[str]:
        return _read(self._path)[1] if self._path.exists() else set()

    def _write(self, keep: bool) -> None:
        """Write what is claimed.

        Args:
            keep: what other processes of the study have claimed meanwhile is kept.
        """
        try:
            with claims_lock(self._root):
                if keep:
                    self._names |= self._claimed()
                write_json(self._path, {"study": self._study, "claimed": sorted(self._names)})
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            say_once(
                f"note: {self._root} may be read here and not written to; who prunes it is not "
                "told what this study uses"
            )


def claims_lock(root: Path) -> AbstractContextManager[Lease]:
    """Held while something is claimed, or deleted because nobody claims it."""
    folder = root / STUDIES
    folder.mkdir(parents=True, exist_ok=True)
    return hold(folder / ".claims.lease", f"{root}: artifacts are being claimed or pruned")


@dataclass(frozen=True)
class Usage:
    """What is used of the artifacts below a folder, as far as that is known.

    Attributes:
        names: ``<kind> <digest>`` of each.
        studies: the folders of the studies that were asked: those beside the artifacts, and those
            that have ever claimed something. A study whose folder was deleted uses nothing.
        unknown: of studies whose use is not known: why, and what to do.
    """

    names: set[str]
    studies: list[Path]
    unknown: list[str]


def usage(root: Path) -> Usage:
    """What the studies that are known here use of the artifacts below ``root``."""
    names, unknown = set[str](), list[str]()
    studies = {ledger.parent.resolve() for ledger in root.parent.glob("*/ledger.csv")}
    for path in _claims(root):
        study, claimed = _read(path)
        if study is None:
            unknown.append(f"{path} is damaged; delete it, and `bench run` its study again")
        elif study.is_dir():
            names |= claimed
            studies.add(study.resolve())
        elif not study.parent.is_dir():
            unknown.append(f"{study} is out of reach; if it is gone for good, delete {path}")
    for ledger in (study / "ledger.csv" for study in studies):
        try:
            names |= set(map(str, ArtifactName.mentioned(ledger.read_text("utf-8"))))
        except FileNotFoundError:
            pass  # nothing is done there yet
        except (OSError, UnicodeDecodeError):
            unknown.append(f"{ledger} cannot be read; `bench run` makes it again")
    return Usage(names, sorted(studies), unknown)


def forget_deleted(root: Path) -> None:
    """Delete the claims of studies whose folders are gone."""
    for path in _claims(root):
        study, _ = _read(path)
        if study is not None and study.parent.is_dir() and not study.is_dir():
            path.unlink()


def _claims(root: Path) -> list[Path]:
    return sorted((root / STUDIES).glob("[!.]*.json"))


def _read(path: Path) -> tuple[Path | None, set[str]]:
    """The study's folder and its claims; no folder where the file is damaged."""
    try:
        record = read_json(path)
        return path.parent.parent / record["study"], set(record["claimed"])
    except (ValueError, KeyError, TypeError):
        return None, set()


def _seen_from(root: Path, study: Path) -> str:
    """The study's path: relative where it is beside the artifacts, so that both may be moved."""
    root, study = root.resolve(), study.resolve()
    beside = study.is_relative_to(root.parent)
    return os.path.relpath(study, root) if beside else str(study)
