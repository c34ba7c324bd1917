"""What must be known before a study's numbers are compared, as its folder keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage.files import read_object, write_json


@dataclass(frozen=True)
class Caveats:
    """Sentences without a full stop.

    Attributes:
        warnings: what bends a comparison.
        notes: how measures, and models, are read.
    """

    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        values = {"warnings": list(self.warnings), "notes": list(self.notes)}
        write_json(folder / "caveats.json", values)

    @classmethod
    def read(cls, folder: Path) -> Caveats:
        """Those of a study's folder; none where an earlier version has run it.

        Raises:
            InputError: the file is damaged.
        """
        path = folder / "caveats.json"
        if not path.exists():
            return cls()
        mend = "delete it, and `bench run` writes it again"
        found = read_object(path, mend, {"warnings": list, "notes": list})
        return cls(found["warnings"], found["notes"])
