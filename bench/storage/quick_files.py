"""Small files for onlookers: written whole, and not synchronized with the disk."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from bench.storage.files import read_json

T = TypeVar("T")


def write_quickly(path: Path, value: Any) -> None:
    """Write a dataclass of JSON values."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps(asdict(value), ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, path)


def read_quickly(cls: type[T], path: Path) -> T | None:
    """The dataclass that was written; `None` if there is none, or if it cannot be read."""
    try:
        values = read_json(path)
        return cls(**{field.name: values[field.name] for field in fields(cls)})  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, TypeError):
        return None
