"""A study's caveats, stored in its folder: what a reader must know before comparing numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage.files import read_object, write_json


@dataclass(frozen=True)
class Caveats:
    """Sentences without a full stop.

    Attributes:
        warnings: what makes a comparison misleading.
        notes: how measures and models are to be read.
    """

    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        values = {"warnings": list(self.warnings), "notes": list(self.notes)}
        write_json(folder / "caveats.json", values)

    @classmethod
    def read(cls, folder: Path) -> Caveats:
        """The caveats of a study's folder; none if an earlier version ran the study.

        Raises:
            InputError: the file is damaged.
        """
        path = folder / "caveats.json"
        if not path.exists():
            return cls()
        mend = "delete it, and `bench run` writes it again"
        values = read_object(path, mend, {"warnings": list, "notes": list})
        return cls(values["warnings"], values["notes"])
