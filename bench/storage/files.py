"""Files that are written whole or not at all, and digests that identify content."""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bench.errors import DiskFullError, InputError, causes, first_line

_SAYS_FULL = re.compile(
    r"os error (28|122)\b|No space left on device|Disk quota exceeded"  # safetensors, tokenizers
    r"|database or disk is full"  # SQLite
    r"|\d+ requested and \d+ written"  # NumPy
)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error, or one that it came from, says that there is no room left."""
    return any(
        (isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT))
        or isinstance(one, DiskFullError)
        or _SAYS_FULL.search(str(one)) is not None
        for one in causes(error)
    )


@contextmanager
def explain_full_disk(path: Path) -> Iterator[None]:
    """Where ``path`` is written: each library's own error of a full disk becomes one that says so.

    Raises:
        DiskFullError: there is no room left.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DiskFullError) or not disk_is_full(error):
            raise
        raise DiskFullError(
            f"{path}: the disk is full; nothing is lost, the same command goes on once there is "
            "room"
        ) from error


def check_place(option: str, folder: Path) -> None:
    """See that ``folder`` is one that can be written to, or made; the trial leaves nothing.

    Args:
        option: the one that named it.

    Raises:
        InputError: it is a file, lies below one, or cannot be made or written to.
    """
    _try_place(f"{option} {folder}", folder)


def check_target(option: str, path: Path) -> None:
    """The same for a file that will be written, or written over."""
    if path.is_dir():
        raise InputError(f"{option} {path}: that is a folder; name a file")
    _try_place(f"{option} {path}", path.parent)


def _try_place(named: str, folder: Path) -> None:
    missing = folder.name
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        missing, there = there.name, there.parent
    if not there.is_dir():
        raise InputError(f"{named}: {there} is not a folder; name another place")
    try:
        with (
            explain_full_disk(there),
            tempfile.NamedTemporaryFile(prefix=f".{missing}.", dir=there),
        ):
            pass
    except OSError as error:
        raise InputError(
            f"{named}: nothing can be made in {there} ({error.strerror}); name another place"
        ) from None


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the place of ``path`` only if the block ends well."""
    with explain_full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        aside = Path(name)
        try:
            yield aside
            sync(aside)
            aside.chmod(0o644)
            os.replace(aside, path)
            sync(path.parent)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Like `atomic`, for a folder; an older folder of that name is replaced."""
    with explain_full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        try:
            yield aside
            for file in aside.rglob("*"):
                sync(file)
            sync(aside)
            aside.chmod(0o755)
            if path.exists():
                shutil.rmtree(path)
            os.replace(aside, path)
            sync(path.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def sync(path: Path) -> None:
    """Make sure that what was written is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed process left half-written in ``folder`` (not below it)."""
    for path in folder.glob(".*.part"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def save_array(path: Path, array: np.ndarray) -> None:
    """The file of `np.save`, whose own writing may lose the last bytes on a full disk unsaid."""
    array = np.asarray(array, order="C")
    with path.open("wb") as stream:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(array.data)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_object(path: Path, mend: str, needs: Mapping[str, type] = MappingProxyType({})) -> Any:
    """The JSON object of a file that we wrote.

    Args:
        mend: what to do where it is damaged.
        needs: keys that must be in it, and of which type.

    Raises:
        InputError: it is not there, or not as we write it.
    """
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; {mend}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, error, mend) from None
    if not isinstance(value, dict):
        raise damaged(path, "no JSON object", mend)
    for key, kind in needs.items():
        if not isinstance(value.get(key), kind):
            raise damaged(path, f"it has no {key!r}", mend)
    return value


def damaged(path: Path, what: object, mend: str) -> InputError:
    """The one line for a file of ours that is not as we wrote it."""
    return InputError(f"{path} is damaged ({first_line(what)}); {mend}")


def canonical(value: Any) -> Any:
    """The same value with every float at 12 significant digits: 0.3, never 0.30000000000000004."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def digest(value: Any) -> str:
    """16 hex digits that identify a JSON value; key order and float noise do not matter."""
    text = json.dumps(canonical(value), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """16 hex digits that identify a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
