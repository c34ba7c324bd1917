"""How bills, claims and messages name an artifact: ``<kind> <digest>``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"\b([a-z0-9-]+) ([0-9a-f]{16})\b")


class ArtifactName(NamedTuple):
    """An artifact's name.

    Attributes:
        kind: what it is, as ``teacher-scores``.
        digest: of what it is made from.
    """

    kind: str
    digest: str

    def __str__(self) -> str:
        return f"{self.kind} {self.digest}"

    def folder(self, root: Path) -> Path:
        """Its folder below that of all artifacts."""
        return root / self.kind / self.digest

    @classmethod
    def parse(cls, text: str) -> ArtifactName:
        """The inverse of ``str``."""
        kind, _, digest = text.partition(" ")
        return cls(kind, digest)

    @classmethod
    def mentioned(cls, text: str) -> Iterator[ArtifactName]:
        """Every name in a text."""
        return (cls(*match) for match in _NAME.findall(text))
