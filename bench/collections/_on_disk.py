"""Shared by sources that read a folder with one file of judgements per part."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.collections.base import Source
from bench.errors import InputError
from bench.storage.files import file_digest

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class OnDisk(Source):
    """A folder; ``train``, ``dev`` and ``test`` name the files to use for each part."""

    path: str
    train: str = "train"
    dev: str = "dev"
    test: str = "test"

    def __post_init__(self) -> None:
        if self.test in (self.train, self.dev):
            raise ValueError(f"test ({self.test!r}) must not also be the train or the dev part")

    @property
    def root(self) -> Path:
        return Path(self.path).expanduser()

    def judgements(self, file_of: Callable[[str], Path]) -> dict[str, Path]:
        """The file of judgements of each part that exists.

        A part with its default name may be missing; one that the user named may not. If no file
        exists, all are returned, so that they are reported as missing.

        Args:
            file_of: gives the file by the part's name.
        """
        files = {part: file_of(getattr(self, part)) for part in PARTS}
        return {
            part: file
            for part, file in files.items()
            if file.exists() or getattr(self, part) != part
        } or files

    def digests(self, files: Iterable[Path], layout: str) -> dict[str, Any]:
        """Digests of these files by their names.

        Args:
            layout: a sentence on which files such a folder needs, for messages.

        Raises:
            InputError: a file is missing.
        """
        files = list(files)
        for file in files:
            if not file.is_file():
                raise InputError(f"{file}: there is no such file; {layout}")
        return {file.name: file_digest(file) for file in files}
