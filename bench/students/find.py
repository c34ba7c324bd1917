"""From what a user writes to a student."""

from pathlib import Path

from bench import students
from bench.encoding.models import locate
from bench.registry import parse_entry
from bench.students.base import Student
from bench.students.export import load_student


def find_student(written: str) -> Student:
    """A student by registry name with options, by folder, or by model id.

    Raises:
        InputError: a wrong option, or a folder that holds no encoder.
        BenchError: a model id that cannot be fetched.
    """
    if Path(written).expanduser().is_dir():
        locate(written)
        return load_student(Path(written).expanduser())
    name, _ = ("", {}) if "/" in written and "(" not in written else parse_entry(written)
    if name in students.registry.names() or "(" in written:
        return students.create(written)
    locate(written)
    return students.create("pretrained", model=written)
