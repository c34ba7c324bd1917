"""Shared by losses that match a teacher's embeddings: the choice of texts, and the projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench import losses
from bench.errors import InputError
from bench.losses.base import Loss, Objective
from bench.losses.signals import Embeddings, Signal, Signals

if TYPE_CHECKING:
    from torch import Tensor

Texts = Literal["both", "queries", "documents"]
Pairs = dict[str, "tuple[Tensor, Tensor]"]
"""By side, ``queries`` or ``documents``: the student's vectors [n, d] and the teacher's [n, d']."""


@dataclass(frozen=True)
class TeacherVectors(Loss):
    """A loss of the teacher's embeddings of the batch's queries, documents, or both."""

    texts: Texts = "both"

    family = "teacher embeddings"
    labels = False

    def needs(self) -> frozenset[Signal]:
        sides = {"queries": Signal.QUERIES, "documents": Signal.DOCUMENTS}
        return frozenset(sides.values() if self.texts == "both" else {sides[self.texts]})

    def pairs(self, student: Embeddings, teacher: Signals) -> Pairs:
        """The student's vectors, not normalised, and the teacher's of the same texts."""
        pairs: Pairs = {}
        if self.texts != "documents":
            ours, theirs = student.queries, self.teacher_queries(student, teacher)
            if theirs.dim() == 3:
                # One teacher's vector per document: the student's one is compared with each.
                ours = ours.repeat_interleave(theirs.shape[1], 0)
            pairs["queries"] = (ours, theirs.reshape(len(ours), -1))
        if self.texts != "queries":
            documents = self.teacher_documents(student, teacher)
            pairs["documents"] = (student.documents.flatten(0, 1), documents.flatten(0, 1))
        return pairs


@dataclass(frozen=True)
class Matching(TeacherVectors):
    """A loss that needs the student's and the teacher's vectors at the same width.

    Attributes:
        projection: if the widths differ, the side that a learned linear layer maps to the other's
            width. The layer belongs to the loss: it is trained with the student, but is no part
            of it.
    """

    projection: Literal["student", "teacher"] = "student"

    def distance(self, pairs: Pairs) -> Tensor:
        """The loss of vectors that have the same width."""
        raise NotImplementedError

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        pairs = self.pairs(student, teacher)
        for ours, theirs in pairs.values():
            if ours.shape[1] != theirs.shape[1]:
                raise InputError(
                    f"{self.name}: the student's vectors are {ours.shape[1]} wide and the "
                    f"teacher's {theirs.shape[1]}; build({ours.shape[1]}, {theirs.shape[1]}) gives "
                    "it the projection it then needs"
                )
        return self.distance(pairs)

    def build(self, student_width: int, teacher_width: int) -> Objective:
        if student_width == teacher_width:
            return self

        return losses.ProjectedLoss(self, student_width, teacher_width)
