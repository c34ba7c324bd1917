"""Atomic writing of files, checks of places to write to, and digests of content."""

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
    """Whether an error, or one of its causes, says that the disk is full."""
    return any(
        (isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT))
        or isinstance(one, DiskFullError)
        or _SAYS_FULL.search(str(one)) is not None
        for one in causes(error)
    )


@contextmanager
def explain_full_disk(path: Path) -> Iterator[None]:
    """Turn any library's error about a full disk, while writing ``path``, into `DiskFullError`.

    Raises:
        DiskFullError: the disk is full.
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
    """Check that ``folder`` can be made and written to; nothing is left behind.

    Args:
        option: the command-line option that names it, for messages.

    Raises:
        InputError: it is a file, lies below a file, or cannot be made or written to.
    """
    _try_place(f"{option} {folder}", folder)


def check_target(option: str, path: Path) -> None:
    """Check that a file can be written or overwritten; arguments and errors as `check_place`."""
    if path.is_dir():
        raise InputError(f"{option} {path}: that is a folder; name a file")
    _try_place(f"{option} {path}", path.parent)


def _try_place(option: str, folder: Path) -> None:
    """Write a temporary file into the nearest existing folder above ``folder``, or itself."""
    missing = folder.name
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        missing, existing = existing.name, existing.parent
    if not existing.is_dir():
        raise InputError(f"{option}: {existing} is not a folder; name another place")
    try:
        with (
            explain_full_disk(existing),
            tempfile.NamedTemporaryFile(prefix=f".{missing}.", dir=existing),
        ):
            pass
    except OSError as error:
        raise InputError(
            f"{option}: nothing can be made in {existing} ({error.strerror}); name another place"
        ) from None


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces ``path`` only if the block succeeds."""
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
    """Like `atomic`, for a folder; an existing folder of that name is replaced."""
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
    """Make sure that the file's or folder's content is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Delete files that a killed process left incomplete in ``folder`` (not below it)."""
    for path in folder.glob(".*.part"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def save_array(path: Path, array: np.ndarray) -> None:
    """Write the same file as `np.save`, which may lose bytes on a full disk without an error."""
    array = np.asarray(array, order="C")
    with path.open("wb") as stream:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(array.data)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_object(path: Path, mend: str, needs: Mapping[str, type] = MappingProxyType({})) -> Any:
    """The JSON object in a file that this package wrote.

    Args:
        mend: advice for a damaged file, for messages.
        needs: keys that it must have, and their types.

    Raises:
        InputError: the file is missing or damaged.
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
    """The error for a damaged file that this package wrote.

    Args:
        what: the error or problem.
        mend: what to do about it.
    """
    return InputError(f"{path} is damaged ({first_line(what)}); {mend}")


def canonical(value: Any) -> Any:
    """The value with all floats rounded to 12 significant digits (0.3, not 0.30000000000000004)."""
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
