"""A student from a folder that `bench export` or sentence-transformers wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench import encoding, students
from bench.encoding.models import check_tokenizer, load_config
from bench.encoding.modules import Modules, read_modules
from bench.encoding.text_config import TextConfig
from bench.identity import identity
from bench.losses.signals import Similarity
from bench.storage.files import digest
from bench.students.base import Student

if TYPE_CHECKING:
    from bench.context import Context


@students.register("exported", version=1)
@dataclass(frozen=True)
class Exported(Student):
    """A sentence-transformers folder (or hub id), read exactly as it says.

    Pooling, lengths, prompts, projection and normalisation are the folder's; a Router's two
    routes become two towers. Modules other than Transformer, StaticEmbedding, Pooling, Dense
    (linear), Normalize and Router are refused.
    """

    folder: str

    @cached_property
    def _modules(self) -> Modules:
        return read_modules(self.folder)

    @property
    def similarity(self) -> Similarity:
        return self._modules.similarity

    @property
    def query_config(self) -> TextConfig:
        return self._modules.queries.side

    @property
    def document_config(self) -> TextConfig:
        return self._modules.documents.side

    def models(self) -> list[str]:
        return [self.folder]

    def weights(self) -> str:
        sides = [identity(side) for side in (self.query_config, self.document_config)]
        return digest([super().weights(), *sides])

    def check(self) -> None:
        for one in (self._modules.queries, self._modules.documents):
            check_tokenizer(str(one.body))
            if one.pooling:
                load_config(str(one.body))

    def check_weights(self) -> None:
        for one in (self._modules.queries, self._modules.documents):
            one.load(self.similarity)

    def notes(self) -> list[str]:
        return list(self._modules.notes)

    def build(self, context: Context) -> encoding.Towers:
        modules = self._modules
        queries = modules.queries.load(modules.similarity)
        if modules.queries == modules.documents:
            return encoding.Towers(queries)
        return encoding.Towers(queries, modules.documents.load(modules.similarity))
