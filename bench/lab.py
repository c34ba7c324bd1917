"""What all runs of a process share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.artifacts import Artifacts
    from bench.collections.base import Collection
    from bench.encoding.device import Device


@dataclass
class Lab:
    """The collection, where prepared things are kept, and what computes."""

    collection: Collection
    artifacts: Artifacts
    device: Device

    def describe_collection(self) -> dict[str, Any]:
        """The collection as run records name it."""
        return {
            "name": self.collection.name,
            "fingerprint": self.collection.fingerprint,
            "notes": list(self.collection.notes),
        }
