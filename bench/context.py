"""The context of runs: collections, artifacts and device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bench.deprecation import Renamed

if TYPE_CHECKING:
    from bench.collections.base import Collection
    from bench.encoding.device import Device
    from bench.storage.artifacts import Artifacts


@dataclass
class Context:
    """The collections, the store of artifacts, and the device, which all runs of a process share.

    Attributes:
        test_collections: further collections, used only by tests, by the names of these tests.
        workers: how many processes train on this machine at once.
    """

    collection: Collection
    artifacts: Artifacts
    device: Device
    test_collections: Mapping[str, Collection] = field(default_factory=dict)
    workers: int = 1

    elsewhere = Renamed("test_collections")

    def subset(self, share: float) -> Context:
        """A copy with a share of the train queries."""
        return replace(self, collection=self.collection.subset(share))

    def describe_collection(self) -> dict[str, Any]:
        """The collection as described in run records."""
        return {
            "name": self.collection.name,
            "fingerprint": self.collection.fingerprint,
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """Sentences that a reader must know about the collection and the test collections."""
        others = [
            f"{name}: {note}" for name, one in self.test_collections.items() for note in one.notes
        ]
        return [*self.collection.notes, *others]

    def tests(self, names: Iterable[str]) -> list[Tests]:
        """These tests, grouped by collection."""
        own: dict[str, str] = {}
        others = []
        for name in names:
            if name in self.test_collections:
                context = replace(self, collection=self.test_collections[name], test_collections={})
                others.append(Tests(context, {name: "test"}))
            else:
                own[name] = name
        return [Tests(self, own), *others] if own else others

    def fingerprints(self, names: Iterable[str]) -> dict[str, str]:
        """The fingerprint of each test's collection, by the test's name."""
        return {
            name: self.test_collections.get(name, self.collection).fingerprint for name in names
        }


@dataclass(frozen=True)
class Tests:
    """Tests that search the documents of one collection.

    Attributes:
        parts: the collection's part by each test's name.
    """

    context: Context
    parts: Mapping[str, str]
