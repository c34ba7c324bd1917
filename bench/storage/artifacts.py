"""Artifacts: things prepared once and reused, addressed by what they are made from.

An artifact is a folder ``<root>/<kind>/<digest>/`` that appears whole or not at all. Its
``artifact.json`` holds the specification behind the digest, a digest of every file, its bill, and
the bills of what it was made from. It is verified when a process first opens it; a damaged one is
named and made again. Of processes that want the same one at once, on whichever host, one makes it
and the others wait. One that was asleep for so long that another took over comes second, too.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.progress import say
from bench.storage.artifact_name import ArtifactName
from bench.storage.claims import Claims
from bench.storage.files import (
    atomic,
    check_place,
    digest,
    explain_full_disk,
    file_digest,
    read_json,
    save_array,
    sync,
    write_json,
)
from bench.storage.lease import Lease, hold
from bench.storage.ledger import Bill
from bench.storage.work_folders import SHARDS, finished_shards, open_work_folder

FORMAT = 3
"""Raised when what is written changes: older artifacts are then not taken for the new."""

RECORD = "artifact.json"


@dataclass(frozen=True)
class Artifact:
    """A prepared thing on disk.

    Attributes:
        folder: where its files are.
        bills: what making it cost, first its own bill, then those of what it was made from.
        read_seconds: how long finding, verifying and opening it took, where it was there already.
        about: facts that its maker recorded.
    """

    kind: str
    digest: str
    folder: Path
    bills: tuple[Bill, ...]
    read_seconds: float
    about: Mapping[str, Any]

    @property
    def name(self) -> ArtifactName:
        return ArtifactName(self.kind, self.digest)


@dataclass(frozen=True)
class BuildReport:
    """What a maker reports of the artifact it just wrote: how much work it was.

    Attributes:
        examples: training examples this was made for, where its cost is due as they are consumed;
            0 where all of it is due before the first step.
        flops: floating-point operations, estimated.
        warming: seconds in which the machine was only warmed up; they are on no bill.
    """

    examples: int = 0
    texts: int = 0
    tokens: int = 0
    flops: float = 0.0
    device: str = "cpu"
    about: Mapping[str, Any] | None = None
    warming: float = 0.0


class Artifacts:
    """The artifacts below one folder.

    Attributes:
        claims: of the study that is at work with them; `None` where none is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.claims: Claims | None = None
        self._verified: set[Path] = set()

    def get(
        self,
        kind: str,
        specification: Mapping[str, Any],
        make: Callable[[Path], BuildReport],
        needs: Iterable[Artifact] = (),
    ) -> Artifact:
        """The artifact of this specification, made by ``make(folder)`` if it is not there.

        Args:
            kind: its folder and its name in bills.
            specification: everything its content depends on, as a JSON value.
            make: writes the files into a folder; its wall-clock time becomes the bill. Where it
                works by `shard`, what a stopped process has finished is there again.
            needs: artifacts it is made from; their bills become part of its own.
        """
        name = _name(kind, specification)
        folder = name.folder(self.root)
        if self.claims is not None:
            self.claims.add(name)
        since = time.perf_counter()
        if not (whole := self._whole(folder)):
            check_place("--artifacts", self.root)
            self.root.mkdir(parents=True, exist_ok=True)
        while not whole:
            with artifact_lock(self.root, name) as lease, explain_full_disk(folder):
                since = time.perf_counter()  # to wait is not to read
                # First: who was asleep before its last step has by now taken that, or cannot.
                work = open_work_folder(self.root, name, lease.token)
                if whole := self._whole(folder):
                    shutil.rmtree(work)
                    break
                try:
                    return self._make(name, specification, make, tuple(needs), work, lease)
                except Exception:
                    if lease.renew():
                        raise
            say(f"artifact {name}: this process was asleep, and another one took it over")
        record = read_json(folder / RECORD)
        bills = tuple(Bill(**bill).as_reused() for bill in record["bills"])
        return Artifact(*name, folder, bills, time.perf_counter() - since, record["about"])

    def has(self, kind: str, specification: Mapping[str, Any]) -> bool:
        """Whether `get` would find it (or what is left of it) and not make it."""
        return (_name(kind, specification).folder(self.root) / RECORD).exists()

    def abouts(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The recorded facts of all artifacts of a kind."""
        for folder in sorted(path.parent for path in self.root.glob(f"{kind}/*/{RECORD}")):
            if not damaged(folder):
                yield read_json(folder / RECORD)["about"]

    def _whole(self, folder: Path) -> bool:
        """Whether it is there and undamaged; says which file is damaged."""
        if folder in self._verified and (folder / RECORD).exists():
            return True
        if not (folder / RECORD).exists():
            return False
        if damage := damaged(folder):
            say(f"artifact {folder.parent.name} {folder.name}: {damage}; it is made again")
            return False
        self._verified.add(folder)
        return True

    def _make(
        self,
        name: ArtifactName,
        specification: Mapping[str, Any],
        make: Callable[[Path], BuildReport],
        needs: tuple[Artifact, ...],
        aside: Path,
        lease: Lease,
    ) -> Artifact:
        folder = name.folder(self.root)
        if folder.exists():  # damaged
            lease.check()
            shutil.rmtree(folder)
        # Shards of a process that was stopped: their seconds were spent too.
        before = sum(finished_shards(aside).values())
        since = time.perf_counter()
        try:
            made = make(aside)
        except BaseException:
            if not (aside / SHARDS).exists():
                shutil.rmtree(aside, ignore_errors=True)
            raise
        seconds = before + time.perf_counter() - since - made.warming
        own = Bill(
            "score" if made.examples else "prepare",
            str(name),
            seconds,
            made.examples,
            made.texts,
            made.tokens,
            made.flops,
            made.device,
        )
        bills = unique_bills((own, *(bill for need in needs for bill in need.bills)))
        about = {**(made.about or {}), **({"warming": made.warming} if made.warming else {})}
        (aside / SHARDS).unlink(missing_ok=True)
        record = {
            "format": FORMAT,
            "kind": name.kind,
            "made_from": dict(specification),
            "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "files": {
                str(file.relative_to(aside)): {
                    "bytes": file.stat().st_size,
                    "digest": file_digest(file),
                }
                for file in sorted(aside.rglob("*"))
                if file.is_file() and file.name != RECORD
            },
            "bills": [replace(bill, reused=False).record() for bill in bills],
            "about": about,
        }
        write_json(aside / RECORD, record)
        for file in aside.rglob("*"):
            sync(file)
        sync(aside)
        lease.check()  # else files were taken away, and the record lacks them
        os.replace(aside, folder)  # fails where they are taken away only now
        sync(folder.parent)
        self._verified.add(folder)
        return Artifact(*name, folder, bills, 0.0, about)


def artifact_lock(
    root: Path, name: ArtifactName, patience: float = math.inf
) -> AbstractContextManager[Lease]:
    """Held by who makes the artifact, or deletes it; ``patience`` and errors as `hold`."""
    path = root / f".{name.kind}-{name.digest}.lease"
    return hold(path, f"artifact {name} is being made or deleted", patience)


def _name(kind: str, specification: Mapping[str, Any]) -> ArtifactName:
    made_from = {"format": FORMAT, "kind": kind, "made_from": dict(specification)}
    return ArtifactName(kind, digest(made_from))


def shard(folder: Path, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """One array of a long work: loaded where a stopped process left it whole, else made and kept.

    Args:
        folder: the one that ``make`` of `Artifacts.get` is given.
    """
    path = folder / f"{name}.npy"
    finished = finished_shards(folder)
    if name in finished and path.exists():
        try:
            return np.load(path)
        except (OSError, ValueError, EOFError):
            say(f"{path} is damaged; it is made again")
    since = time.perf_counter()
    value = make()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} was taken over")  # `atomic` would make it anew
    with atomic(path) as aside:
        save_array(aside, value)
    write_json(folder / SHARDS, {**finished, name: time.perf_counter() - since})
    return value


def damaged(folder: Path) -> str:
    """What is wrong with an artifact's files; empty where nothing is."""
    try:
        record = read_json(folder / RECORD)
        own, *_ = [Bill(**bill) for bill in record["bills"]]
        files = {name: (one["bytes"], one["digest"]) for name, one in record["files"].items()}
        _ = record["about"], record["made_at"], record["made_from"], float(own.seconds)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return f"{RECORD} is damaged"
    for name, (size, content) in files.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != size or file_digest(file) != content:
            return f"{name} is damaged"
    return ""


def unique_bills(bills: Iterable[Bill]) -> tuple[Bill, ...]:
    """Each artifact's bill once, in the order of first mention, however many things need it."""
    return tuple({bill.artifact: bill for bill in bills}.values())
