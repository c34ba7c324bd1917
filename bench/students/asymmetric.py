"""A small trained query encoder beside a teacher's stored document vectors."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from bench import encoding, students, teachers
from bench.encoding.text_config import TextConfig
from bench.errors import InputError
from bench.losses.signals import Similarity
from bench.registry import EntryText
from bench.students._parts import bi_encoder, check_unprojected, one_encoder
from bench.students.base import FromModel, OneEncoder, Student
from bench.teachers.bi_encoder import BiEncoder

if TYPE_CHECKING:
    from bench.context import Context


@students.register("asymmetric", version=1)
@dataclass(frozen=True)
class Asymmetric(Student):
    """A trained query encoder beside the frozen document vectors of ``teacher``, a bi-encoder.

    Documents are the teacher's stored embeddings. They are encoded once and charged to this arm as
    to every arm that reads them; no document is encoded while the student trains. ``queries`` is
    any student of one encoder. A linear layer is added to it that starts as ``projection`` says
    (see ``projected``); ``none`` requires an encoder of the teacher's width. With
    ``shared_start`` the encoder starts from the teacher's weights, fine-tuned if the teacher is,
    instead of its model's.

    With ``embedding-match(texts="queries")`` as the loss this is query encoder distillation, QED
    (arXiv 2306.11550). Source: arXiv 2301.12005 (EmbedDistill), its asymmetric dual encoder.
    """

    queries: Annotated[str, EntryText(students.registry)] = "truncated"
    teacher: Annotated[str, EntryText(teachers.registry)] = "bi-encoder"
    projection: Literal["none", "random", "orthogonal", "procrustes", "least-squares"] = (
        "least-squares"
    )
    shared_start: bool = False

    def __post_init__(self) -> None:
        if self._queries.similarity != self._teacher.similarity:
            raise InputError(
                f"asymmetric: queries are compared by {self._queries.similarity} and the teacher's "
                f"documents by {self._teacher.similarity}; give both one similarity"
            )
        if self.shared_start and self._teacher.model not in self._queries.models():
            raise InputError(
                f"asymmetric: with shared_start, queries must be made from the teacher's model "
                f"{self._teacher.model!r}, not {', '.join(self._queries.models())}"
            )

    @cached_property
    def _queries(self) -> OneEncoder:
        return one_encoder("queries", self.queries)

    @cached_property
    def _teacher(self) -> BiEncoder:
        return bi_encoder("teacher", self.teacher)

    def identifying_options(self) -> dict[str, Any]:
        parts = {"queries": self._queries.specification, "teacher": self._teacher.specification}
        return {**super().identifying_options(), **parts}

    @property
    def similarity(self) -> Similarity:
        return self._teacher.similarity

    @property
    def query_config(self) -> TextConfig:
        return self._queries.query_config

    @property
    def document_config(self) -> TextConfig:
        teacher = self._teacher
        return TextConfig(teacher.declares.body, teacher.max_length, teacher.document_prompt)

    @property
    def randomly_initialised(self) -> bool:
        return self._queries.randomly_initialised or self.projection in ("random", "orthogonal")

    def models(self) -> list[str]:
        return [*self._queries.models(), self._teacher.model]

    def parts(self) -> Sequence[FromModel | BiEncoder]:
        return [*self._queries.parts(), self._teacher]

    def check(self) -> None:
        super().check()
        if self.projection != "none":
            check_unprojected(self.name, self._queries)

    def document_teacher(self) -> BiEncoder:
        return self._teacher

    def build(self, context: Context) -> encoding.Towers:
        with students.preserve_rng_state():
            loaded = self._teacher.load(context.collection.part("train").queries, context)
            stored = students.InheritedVectors(loaded)
            width = stored.width
            start = deepcopy(stored.encoder().transformer).cpu() if self.shared_start else None
        encoder = self._queries.encoder(context, start)
        if self.projection != "none":
            sides = {"queries": self.query_config}
            students.Projection(encoder, width, self.projection, sides, loaded, context).attach()
        if encoder.width != width:
            raise InputError(
                f"asymmetric: queries are {encoder.width} wide, the teacher's documents {width}; "
                "give it a projection"
            )
        return encoding.Towers(encoder, stored=stored)
