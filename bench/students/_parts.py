"""Checks for students that are composed of other students and teachers."""

from __future__ import annotations

from bench import students, teachers
from bench.errors import InputError
from bench.students.base import OneEncoder
from bench.teachers.bi_encoder import BiEncoder


def one_encoder(option: str, text: str) -> OneEncoder:
    """The student that ``text`` names as the value of an option.

    Raises:
        InputError: there is no such student, or it has an encoder for each side.
    """
    student = students.create(text)
    if not isinstance(student, OneEncoder):
        raise InputError(f"{option}: {student.name} is not one encoder that could be a part")
    return student


def bi_encoder(option: str, text: str) -> BiEncoder:
    """The teacher that ``text`` names as the value of an option.

    Raises:
        InputError: there is no such teacher, or it is no bi-encoder.
    """
    teacher = teachers.create(text)
    if not isinstance(teacher, BiEncoder):
        raise InputError(f"{option}: must be a bi-encoder, not {teacher.name}")
    return teacher


def check_unprojected(name: str, student: OneEncoder) -> None:
    """Check that a student has no linear layer after its pooling, so that one can be added.

    Raises:
        InputError: it has one.
    """
    if student.projects:
        raise InputError(
            f"{name}: behind {student} there is a linear layer already, its own or its model's; "
            "leave one out"
        )
