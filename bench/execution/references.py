"""A study's reference rows: what its arms are measured beside, and held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.registry import Entry, tell_apart
from bench.students.base import Student
from bench.study.arms import Arm
from bench.teachers.base import Teacher


@dataclass(frozen=True)
class References:
    """BM25, every untrained student and every teacher of these arms, once each."""

    arms: Sequence[Arm]

    @cached_property
    def students(self) -> dict[str, Student]:
        """By label."""
        return {str(arm.student): arm.student for arm in self.arms}

    @cached_property
    def teachers(self) -> dict[str, Teacher]:
        """By label: of signals, or of documents."""
        of_signals = [arm.teacher for arm in self.arms if arm.teacher.ranks]
        inherited = [teacher for arm in self.arms if (teacher := arm.student.document_teacher())]
        return {str(teacher): teacher for teacher in [*of_signals, *inherited]}

    def __len__(self) -> int:
        return 1 + len(self.students) + len(self.teachers)

    def __iter__(self) -> Iterator[tuple[str, Student | Teacher | None]]:
        """The name of each row, and what is measured; `None` is BM25."""
        yield "bm25", None
        for student in self.students.values():
            yield _told_apart("untrained", student, self.students), student
        for teacher in self.teachers.values():
            yield self.name(teacher), teacher

    def name(self, teacher: Teacher) -> str:
        """The row of a teacher."""
        return _told_apart("teacher", teacher, self.teachers)

    def against(self, arm: Arm) -> Teacher | None:
        """The measured teacher that the arm's students are compared with.

        Its own, that of its documents, or the only one in the study.
        """
        own = [str(arm.teacher), str(arm.student.document_teacher())]
        found = [label for label in own if label in self.teachers]
        if not found and len(self.teachers) == 1:
            found = list(self.teachers)
        return self.teachers[found[0]] if found else None


def _told_apart(kind: str, one: Entry, among: Mapping[str, Entry]) -> str:
    """A row's name: its kind, and as much of which one as tells it from the others."""
    return kind if len(among) == 1 else f"{kind}: {tell_apart(one, among.values())}"
