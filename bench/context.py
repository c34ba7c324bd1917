"""What all runs of a process share."""

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
    """The collection, where prepared things are kept, and what computes.

    Attributes:
        test_collections: further collections that only tests read, by the names of these tests.
    """

    collection: Collection
    artifacts: Artifacts
    device: Device
    test_collections: Mapping[str, Collection] = field(default_factory=dict)

    elsewhere = Renamed("test_collections")

    def subset(self, share: float) -> Context:
        """The same with a share of the train queries."""
        return replace(self, collection=self.collection.subset(share))

    def describe_collection(self) -> dict[str, Any]:
        """The collection as run records name it."""
        return {
            "name": self.collection.name,
            "fingerprint": self.collection.fingerprint,
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """What a reader has to know of the collection, and of those that only tests read."""
        others = [
            f"{name}: {note}" for name, one in self.test_collections.items() for note in one.notes
        ]
        return [*self.collection.notes, *others]

    def tests(self, names: Iterable[str]) -> list[Tests]:
        """What these tests search, the parts of one collection together."""
        own: dict[str, str] = {}
        others = []
        for name in names:
            if name in self.test_collections:
                there = replace(self, collection=self.test_collections[name], test_collections={})
                others.append(Tests(there, {name: "test"}))
            else:
                own[name] = name
        return [Tests(self, own), *others] if own else others

    def fingerprints(self, names: Iterable[str]) -> dict[str, str]:
        """The fingerprint of the collection that each of these tests is of."""
        return {
            name: self.test_collections.get(name, self.collection).fingerprint for name in names
        }


@dataclass(frozen=True)
class Tests:
    """Tests over the documents of one collection.

    Attributes:
        parts: the collection's part behind each test's name.
    """

    context: Context
    parts: Mapping[str, str]
