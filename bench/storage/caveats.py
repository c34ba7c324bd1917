"""The caveats of a study, as its folder keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage.files import read_object, write_json


@dataclass(frozen=True)
class Caveats:
    """Sentences without a full stop.

    Attributes:
        warnings: about what distorts a comparison.
        notes: on how measures and models are read.
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
