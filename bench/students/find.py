"""Finds the student that a user means on the command line."""

from pathlib import Path

from bench import students
from bench.encoding.models import BUNDLED, locate
from bench.progress import say
from bench.registry import parse_entry
from bench.students.base import Student


def find_student(text: str) -> Student:
    """A student by registered name with options, by folder, or by model id.

    A registered name takes precedence over a folder of the same name, which can be written with
    ``./`` before it.

    Raises:
        InputError: an option is wrong, or the folder holds no encoder.
        BenchError: the model cannot be fetched.
    """
    folder = Path(text).expanduser().is_dir()
    if text in students.registry.names():
        if folder:
            say(f"{text} is the student of that name; the folder is ./{text}")
        return students.create(text)
    if folder or ("/" in text and "(" not in text):
        return _from_folder(text)
    name, _ = parse_entry(text)
    if name in students.registry.names() or "(" in text:
        return students.create(text)
    return _from_folder(text)


def _from_folder(model: str) -> Student:
    """``exported`` if the model has a modules.json, else ``pretrained``."""
    if (locate(model) / "modules.json").is_file() and model != BUNDLED:
        return students.create("exported", folder=model)
    return students.create("pretrained", model=model)
