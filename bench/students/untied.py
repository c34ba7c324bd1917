"""Two trained towers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from bench import encoding, students
from bench.encoding.text_config import TextConfig
from bench.errors import InputError
from bench.losses.signals import Similarity
from bench.registry import EntryText
from bench.students._parts import one_encoder
from bench.students.base import FromModel, OneEncoder, Student

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers.bi_encoder import BiEncoder


@students.register("untied", version=1)
@dataclass(frozen=True)
class Untied(Student):
    """Two separate trained encoders, one for ``queries`` and one for ``documents``.

    Each is any student of one encoder. Both must give vectors of the same width and have the same
    similarity; ``projected`` changes a width.
    """

    queries: Annotated[str, EntryText(students.registry)] = "pretrained"
    documents: Annotated[str, EntryText(students.registry)] = "pretrained"

    def __post_init__(self) -> None:
        if self._queries.similarity != self._documents.similarity:
            raise InputError(
                f"untied: queries are compared by {self._queries.similarity} and documents by "
                f"{self._documents.similarity}; give both one similarity"
            )

    @cached_property
    def _queries(self) -> OneEncoder:
        return one_encoder("queries", self.queries)

    @cached_property
    def _documents(self) -> OneEncoder:
        return one_encoder("documents", self.documents)

    def identifying_options(self) -> dict[str, Any]:
        parts = {
            "queries": self._queries.specification,
            "documents": self._documents.specification,
        }
        return {**super().identifying_options(), **parts}

    @property
    def similarity(self) -> Similarity:
        return self._queries.similarity

    @property
    def query_config(self) -> TextConfig:
        return self._queries.query_config

    @property
    def document_config(self) -> TextConfig:
        return self._documents.document_config

    @property
    def randomly_initialised(self) -> bool:
        return self._queries.randomly_initialised or self._documents.randomly_initialised

    def models(self) -> list[str]:
        return [*self._queries.models(), *self._documents.models()]

    def parts(self) -> Sequence[FromModel | BiEncoder]:
        return [*self._queries.parts(), *self._documents.parts()]

    def build(self, context: Context) -> encoding.Towers:
        queries, documents = self._queries.encoder(context), self._documents.encoder(context)
        if queries.width != documents.width:
            raise InputError(
                f"untied: queries are {queries.width} wide and documents {documents.width}; "
                f'projected(student="…", width={documents.width}) gives a student that width'
            )
        return encoding.Towers(queries, documents)
