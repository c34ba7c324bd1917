"""A small folder to break, one thing at a time."""

import json
from pathlib import Path

import pytest

from bench.collections.base import Collection
from bench.collections.open import open_collection
from bench.storage.artifacts import Artifacts
from tests.conftest import write_collection


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_collection(tmp_path / "toy", topics=12)


def opened(folder: Path, **options) -> Collection:
    written = {"name": "folder", "path": str(folder), **options} if options else str(folder)
    return open_collection(written, Artifacts(folder.parent / "artifacts"))


def sizes(collection: Collection) -> dict[str, int]:
    return {name: len(part.queries) for name, part in collection.parts.items()}


def noted(collection: Collection) -> list[str]:
    """Its notes, less the one on how dev was carved."""
    return [note for note in collection.notes if "carved from train" not in note]


def edit(path: Path, old: str, new: str) -> None:
    """The first of these is made another."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def append(path: Path, *rows: dict | str) -> None:
    with path.open("a") as stream:
        stream.writelines(
            f"{row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)}\n"
            for row in rows
        )


def rewrite(path: Path, change) -> None:
    """Every object of a JSONL file, changed."""
    rows = [change(json.loads(line)) for line in path.read_text().splitlines()]
    path.write_text("")
    append(path, *rows)
