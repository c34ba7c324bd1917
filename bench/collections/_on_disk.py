"""What sources share that read one folder with a file of judgements for each part."""

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
    """A folder; ``train``, ``dev`` and ``test`` say which of its parts serves as what."""

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
        """The file of judgements of each part, where ``file_of`` gives it by the part's name.

        A part under its usual name may be missing; one that the user named may not. Where there
        is none at all, every file is named, to be reported as missing.
        """
        files = {part: file_of(getattr(self, part)) for part in PARTS}
        return {
            part: file
            for part, file in files.items()
            if file.exists() or getattr(self, part) != part
        } or files

    def digests(self, files: Iterable[Path], layout: str) -> dict[str, Any]:
        """What identifies these files' content.

        Raises:
            InputError: one is not there; ``layout`` says which files such a folder has.
        """
        files = list(files)
        for file in files:
            if not file.is_file():
                raise InputError(f"{file}: there is no such file; {layout}")
        return {file.name: file_digest(file) for file in files}
