"""An error that nobody foresaw: one line for the user, and its traceback in a file."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError, first_line
from bench.storage.files import disk_is_full, write_text

LOG = "crash.log"
"""In the folder that a command works in: the traceback of the last error that nobody foresaw."""


@contextmanager
def explained(folder: Path | None = None) -> Iterator[None]:
    """Any unexpected error of the block becomes one line that names the file of its traceback.

    Args:
        folder: the one that the command works in; where there is none, or it cannot be written
            to, the file is a temporary one.

    Raises:
        BenchError: there was such an error; the package's own errors pass as they are.
    """
    try:
        yield
    except (BenchError, BrokenPipeError):  # the latter is for who reads our output: `| head`
        raise
    except Exception as error:
        name, said = type(error).__name__, first_line(error)
        what = said if said == name else f"{name}: {said}"
        if disk_is_full(error):
            raise BenchError(
                f"{what}; nothing is lost, the same command goes on once there is room"
            ) from error
        log = _write("".join(traceback.format_exception(error)), folder)
        raise BenchError(f"{what}; what is finished is kept, the traceback: {log}") from error


def _write(text: str, folder: Path | None) -> str:
    """Where the text is now."""
    if folder is not None and folder.is_dir():
        try:
            write_text(folder / LOG, text)
            return str(folder / LOG)
        except (OSError, BenchError):
            pass  # a folder that is read only, say
    try:
        handle, name = tempfile.mkstemp(prefix="bench-", suffix=f"-{LOG}")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        return name
    except OSError as error:
        return f"could not be written ({error})"
