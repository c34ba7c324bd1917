"""A student with a linear layer after its pooling, which changes the vectors' width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from bench import students, teachers
from bench.encoding.text_config import TextConfig
from bench.losses.signals import Similarity
from bench.miniature import ModelWidth
from bench.registry import EntryText
from bench.students._parts import bi_encoder, check_unprojected, one_encoder
from bench.students.base import FromModel, OneEncoder, ProjectionStart

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.context import Context
    from bench.encoding.encoder import Encoder
    from bench.teachers.bi_encoder import BiEncoder

TAUGHT = ("procrustes", "least-squares")
"""Starts that are computed from a teacher's embeddings."""


@students.register("projected", version=1)
@dataclass(frozen=True)
class Projected(OneEncoder):
    """A student of one encoder with a linear layer after its pooling: vectors ``width`` wide.

    ``start`` chooses the layer's initial weights: drawn at ``random`` or as a random
    ``orthogonal`` map; ``pca``, the directions that keep most of the encoder's dot products
    (singular vectors, not centred); or the map that comes nearest to the embeddings of
    ``teacher``, a bi-encoder of that width: ``procrustes`` by a rotation and a scale,
    ``least-squares`` by any linear map. The last three are computed from texts of the train part,
    a cost that is charged. The layer is part of the student: trained, counted and exported.
    """

    student: Annotated[str, EntryText(students.registry)] = "truncated"
    width: Annotated[int, Ge(1), ModelWidth()] = 384
    start: ProjectionStart = "orthogonal"
    teacher: Annotated[str, EntryText(teachers.registry)] = "bi-encoder"

    def __post_init__(self) -> None:
        _ = self._student
        if self.start in TAUGHT:
            bi_encoder("teacher", self.teacher)

    @cached_property
    def _student(self) -> OneEncoder:
        return one_encoder("student", self.student)

    def identifying_options(self) -> dict[str, Any]:
        options = {**super().identifying_options(), "student": self._student.specification}
        del options["teacher"]
        if self.start in TAUGHT:
            options["teacher"] = bi_encoder("teacher", self.teacher).specification
        return options

    @property
    def similarity(self) -> Similarity:
        return self._student.similarity

    @property
    def query_config(self) -> TextConfig:
        return self._student.query_config

    @property
    def document_config(self) -> TextConfig:
        return self._student.document_config

    @property
    def randomly_initialised(self) -> bool:
        return self._student.randomly_initialised or self.start in ("random", "orthogonal")

    @property
    def projects(self) -> bool:
        return True

    def check(self) -> None:
        super().check()
        check_unprojected(self.name, self._student)

    def models(self) -> list[str]:
        teacher = [bi_encoder("teacher", self.teacher).model] if self.start in TAUGHT else []
        return [*self._student.models(), *teacher]

    def parts(self) -> Sequence[FromModel | BiEncoder]:
        teacher = [bi_encoder("teacher", self.teacher)] if self.start in TAUGHT else []
        return [*self._student.parts(), *teacher]

    def encoder(self, context: Context, start: PreTrainedModel | None = None) -> Encoder:
        encoder = self._student.encoder(context, start)
        teacher = None
        if self.start in TAUGHT:
            train = context.collection.part("train").queries
            with students.preserve_rng_state():
                teacher = bi_encoder("teacher", self.teacher).load(train, context)
        sides = {"queries": self.query_config, "documents": self.document_config}
        return students.Projection(
            encoder, self.width, self.start, sides, teacher, context
        ).attach()
