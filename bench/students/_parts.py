"""What students are made of that are made of others."""

from __future__ import annotations

from bench import students, teachers
from bench.errors import InputError
from bench.students.base import OneEncoder
from bench.teachers.bi_encoder import BiEncoder


def one_encoder(option: str, written: str) -> OneEncoder:
    """The student that an option names.

    Raises:
        InputError: no such student, or one with an encoder for each side.
    """
    found = students.create(written)
    if not isinstance(found, OneEncoder):
        raise InputError(f"{option}: {found.name} is not one encoder that could be a part")
    return found


def bi_encoder(option: str, written: str) -> BiEncoder:
    """The teacher that an option names.

    Raises:
        InputError: no such teacher, or one that has no vectors of documents alone.
    """
    found = teachers.create(written)
    if not isinstance(found, BiEncoder):
        raise InputError(f"{option}: must be a bi-encoder, not {found.name}")
    return found


def check_unprojected(name: str, student: OneEncoder) -> None:
    """That nothing stands behind a student's pooling, so that a linear layer can be put there.

    Raises:
        InputError: a linear layer does already.
    """
    if student.projects:
        raise InputError(
            f"{name}: behind {student} there is a linear layer already, its own or its model's; "
            "leave one out"
        )
