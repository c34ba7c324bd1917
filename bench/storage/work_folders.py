"""Where an artifact is being made: a folder beside it that is its maker's alone.

``.<digest>-<token>.work`` is named by the token of the maker's lease. What a stopped process left
of a long work is taken over by renaming it, so if that process was only asleep, its files find no
place any more.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from bench.storage.artifact_name import ArtifactName
from bench.storage.files import read_json, remove_leftovers

SHARDS = ".shards.json"
"""File in a work folder: the seconds of each finished shard (`bench.storage.artifacts.shard`)."""


def work_folders(root: Path) -> list[tuple[ArtifactName, Path]]:
    """All work folders below that of all artifacts, with the artifact that is made in each."""
    return [
        (ArtifactName(path.parent.name, path.name[1:17]), path)
        for path in sorted(root.glob("*/.*.work"))
    ]


def open_work_folder(root: Path, name: ArtifactName, token: str) -> Path:
    """The work folder of this token, with the finished shards that earlier makers left."""
    folder = name.folder(root)
    own = folder.with_name(f".{name.digest}-{token}.work")
    left = {path: finished_shards(path) for path in folder.parent.glob(f".{name.digest}*.work")}
    for path in sorted(left, key=lambda one: len(left[one]), reverse=True):
        if left[path] and not own.exists():
            with suppress(FileNotFoundError):  # its maker woke up, and took the last step
                os.replace(path, own)
        else:
            shutil.rmtree(path, ignore_errors=True)  # nothing in it is whole, or less
    own.mkdir(parents=True, exist_ok=True)
    remove_leftovers(own)
    return own


def finished_shards(folder: Path) -> dict[str, float]:
    """Seconds of each finished shard; none where that cannot be read: they are made again."""
    try:
        finished = read_json(folder / SHARDS)
        return {str(name): float(seconds) for name, seconds in finished.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
