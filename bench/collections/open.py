"""Opens the collection that a user names, and prepares it if necessary."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import collections
from bench.collections.base import Collection, Source
from bench.collections.ir_datasets_id import is_known
from bench.collections.prepare import is_prepared, prepare
from bench.errors import InputError, did_you_mean
from bench.progress import say_once
from bench.registry import parse_entry
from bench.storage.artifacts import Artifacts


def resolve(text: str | Mapping[str, Any]) -> Source:
    """The source that an entry (``pydocs(documents=2000)``), a folder or an ir_datasets id names.

    A registered name or ir_datasets id takes precedence over a folder.

    Raises:
        InputError: it is none of them.
    """
    if not isinstance(text, str):
        return collections.create(text)
    folder = Path(text).expanduser()
    named = None if text.startswith((".", "/", "~")) else _named(text)
    if named is not None:
        if folder.is_dir():
            say_once(f"collection {text!r} is {named}, not the folder here: that is ./{text}")
        return named
    if folder.is_dir():
        style = "msmarco-folder" if (folder / "collection.tsv").exists() else "folder"
        return collections.create({"name": style, "path": text})
    known = collections.registry.names()
    if "/" not in text or "(" in text:
        name, options = parse_entry(text)
        if name in known:
            return collections.create(text)
        if options:
            raise InputError(
                f"collection {text!r}: no entry of that name{did_you_mean(name, known)}"
            )
    raise InputError(
        f"collection {text!r}: no folder here, no ir_datasets id, no entry"
        f"{did_you_mean(text, known)}"
    )


def _named(text: str) -> Source | None:
    """The source with exactly that registered name or ir_datasets id; else `None`."""
    if text in collections.registry.names():
        return collections.create(text)

    return collections.create({"name": "ir-datasets", "id": text}) if is_known(text) else None


def open_collection(text: str | Mapping[str, Any], artifacts: Artifacts) -> Collection:
    """Open the collection, preparing it first if necessary."""
    return prepare(resolve(text), artifacts)


def open_prepared(text: str | Mapping[str, Any], artifacts: Artifacts) -> Collection | None:
    """The collection if it has been prepared; else `None`."""
    if not (artifacts.root / "collection").is_dir():
        return None  # before `resolve` imports ir_datasets, which is slow
    try:
        source = resolve(text)
        return prepare(source, artifacts) if is_prepared(source, artifacts) else None
    except InputError:
        return None
