"""Unexpected errors: one line for the user, and the traceback in a file."""

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
"""File in a command's folder with the traceback of the last unexpected error."""


@contextmanager
def explain_errors(folder: Path | None = None) -> Iterator[None]:
    """Turn an unexpected error of the block into one line that names the file of its traceback.

    Args:
        folder: the command's folder; without one, or if it cannot be written to, the traceback
            goes to a temporary file.

    Raises:
        BenchError: there was such an error; the package's own errors pass unchanged.
    """
    try:
        yield
    except (BenchError, BrokenPipeError):  # the latter comes from `bench … | head`
        raise
    except Exception as error:
        name, message = type(error).__name__, first_line(error)
        what = message if message == name else f"{name}: {message}"
        if disk_is_full(error):
            raise BenchError(
                f"{what}; nothing is lost, the same command goes on once there is room"
            ) from error
        log = _write("".join(traceback.format_exception(error)), folder)
        raise BenchError(f"{what}; what is finished is kept, the traceback: {log}") from error


def _write(text: str, folder: Path | None) -> str:
    """Write the text to a log file, and return its path (or why it could not be written)."""
    if folder is not None and folder.is_dir():
        try:
            write_text(folder / LOG, text)
            return str(folder / LOG)
        except (OSError, BenchError):
            pass  # a read-only folder, for example
    try:
        handle, name = tempfile.mkstemp(prefix="bench-", suffix=f"-{LOG}")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        return name
    except OSError as error:
        return f"could not be written ({error})"
