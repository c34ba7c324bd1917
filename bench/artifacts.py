"""Artifacts: things prepared once and reused, addressed by what they are made from.

An artifact is a folder ``<root>/<kind>/<digest>/`` that appears whole or not at all. Its
``artifact.json`` holds the specification behind the digest, its bill, and the bills of what it was
made from. Two processes that want the same one at once: one makes it, the other waits.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench.files import atomic_folder, digest, read_json, write_json
from bench.ledger import Bill

FORMAT = 1


@dataclass(frozen=True)
class Artifact:
    """A prepared thing on disk.

    Attributes:
        folder: where its files are.
        bills: what making it cost, first its own bill, then those of what it was made from.
        read_seconds: how long finding and opening it took, where it was there already.
        about: whatever its maker wanted to remember.
    """

    kind: str
    digest: str
    folder: Path
    bills: tuple[Bill, ...]
    read_seconds: float
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """What a maker reports of the artifact it just wrote: how much work it was."""

    texts: int = 0
    tokens: int = 0
    device: str = "cpu"
    about: Mapping[str, Any] | None = None


class Artifacts:
    """The artifacts below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(
        self,
        kind: str,
        specification: Mapping[str, Any],
        make: Callable[[Path], Made],
        needs: Iterable[Artifact] = (),
    ) -> Artifact:
        """The artifact of this specification, made by ``make(folder)`` if it is not there.

        Args:
            kind: its folder and its name in bills.
            specification: everything its content depends on, as a JSON value.
            make: writes the files into an empty folder; its wall-clock time becomes the bill.
            needs: artifacts it is made from; their bills become part of its own.
        """
        identity = digest({"format": FORMAT, "kind": kind, "made_from": dict(specification)})
        folder = self.root / kind / identity
        since = time.perf_counter()
        if not (folder / "artifact.json").exists():
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / f"{kind}-{identity}.lock"):
                if not (folder / "artifact.json").exists():
                    return self._make(kind, identity, specification, make, tuple(needs))
        record = read_json(folder / "artifact.json")
        bills = tuple(Bill(**bill).as_reused() for bill in record["bills"])
        return Artifact(kind, identity, folder, bills, time.perf_counter() - since, record["about"])

    def _make(
        self,
        kind: str,
        identity: str,
        specification: Mapping[str, Any],
        make: Callable[[Path], Made],
        needs: tuple[Artifact, ...],
    ) -> Artifact:
        folder = self.root / kind / identity
        with atomic_folder(folder) as aside:
            since = time.perf_counter()
            made = make(aside)
            seconds = time.perf_counter() - since
            own = Bill(
                "prepare", f"{kind} {identity}", seconds, 0, made.texts, made.tokens, made.device
            )
            bills = once((own, *(bill for need in needs for bill in need.bills)))
            about = dict(made.about or {})
            record = {
                "kind": kind,
                "made_from": dict(specification),
                "bills": [replace(bill, reused=False).record() for bill in bills],
                "about": about,
            }
            write_json(aside / "artifact.json", record)
        return Artifact(kind, identity, folder, bills, 0.0, about)


def once(bills: Iterable[Bill]) -> tuple[Bill, ...]:
    """Each artifact's bill once, in the order of first mention, however many things need it."""
    return tuple({bill.what: bill for bill in bills}.values())
