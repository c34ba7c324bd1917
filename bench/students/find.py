"""From what a user writes to a student."""

from pathlib import Path

from bench import students
from bench.encoding.models import BUNDLED, locate
from bench.progress import say
from bench.registry import parse_entry
from bench.students.base import Student


def find_student(written: str) -> Student:
    """A student by registry name with options, by folder, or by model id.

    A registered name wins over a folder; that folder is written with ``./`` before it.

    Raises:
        InputError: a wrong option, or a folder that holds no encoder.
        BenchError: a model id that cannot be fetched.
    """
    folder = Path(written).expanduser().is_dir()
    if written in students.registry.names():
        if folder:
            say(f"{written} is the student of that name; the folder is ./{written}")
        return students.create(written)
    if folder or ("/" in written and "(" not in written):
        return _from_folder(written)
    name, _ = parse_entry(written)
    if name in students.registry.names() or "(" in written:
        return students.create(written)
    return _from_folder(written)


def _from_folder(model: str) -> Student:
    """What a folder or hub id says it is, or a whole encoder where it says nothing."""
    if (locate(model) / "modules.json").is_file() and model != BUNDLED:
        return students.create("exported", folder=model)
    return students.create("pretrained", model=model)
