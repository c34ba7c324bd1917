"""A study's reference rows, and which of them each arm is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.registry import Entry, shortest_label
from bench.students.base import Student
from bench.study.arms import Arm
from bench.teachers.base import Teacher


@dataclass(frozen=True)
class References:
    """BM25, every untrained student and every teacher of these arms, once each."""

    arms: Sequence[Arm]

    @cached_property
    def students(self) -> dict[str, Student]:
        """The students by their text."""
        return {str(arm.student): arm.student for arm in self.arms}

    @cached_property
    def teachers(self) -> dict[str, Teacher]:
        """The teachers of signals, and of stored documents, by their text."""
        of_signals = [arm.teacher for arm in self.arms if arm.teacher.ranks]
        inherited = [teacher for arm in self.arms if (teacher := arm.student.document_teacher())]
        return {str(teacher): teacher for teacher in [*of_signals, *inherited]}

    def __len__(self) -> int:
        return 1 + len(self.students) + len(self.teachers)

    def __iter__(self) -> Iterator[tuple[str, Student | Teacher | None]]:
        """(name, what is measured) of each row; `None` stands for BM25."""
        yield "bm25", None
        for student in self.students.values():
            yield _row_name("untrained", student, self.students), student
        for teacher in self.teachers.values():
            yield self.name(teacher), teacher

    def measured(self, name: str) -> Student | Teacher | None:
        """What the row of that name measures; `None` stands for BM25."""
        return dict(self)[name]

    def name(self, teacher: Teacher) -> str:
        """The name of a teacher's row."""
        return _row_name("teacher", teacher, self.teachers)

    def against(self, arm: Arm) -> Teacher | None:
        """The measured teacher that the arm's students are compared with.

        It is the arm's own, that of its stored documents, or the only one in the study; `None` if
        there is no such teacher.
        """
        own = [str(arm.teacher), str(arm.student.document_teacher())]
        measured = [label for label in own if label in self.teachers]
        if not measured and len(self.teachers) == 1:
            measured = list(self.teachers)
        return self.teachers[measured[0]] if measured else None


def _row_name(kind: str, one: Entry, among: Mapping[str, Entry]) -> str:
    """A row's name: its kind and, if there are several, the shortest label that is unique."""
    return kind if len(among) == 1 else f"{kind}: {shortest_label(one, among.values())}"
