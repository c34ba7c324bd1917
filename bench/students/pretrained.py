"""A whole pretrained encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import students
from bench.students.base import Student

if TYPE_CHECKING:
    from bench.encoding.encoder import Encoder


@students.register("pretrained", version=1)
@dataclass(frozen=True)
class Pretrained(Student):
    """A pretrained encoder as it is, shared by queries and documents."""

    def build(self) -> Encoder:
        from bench.encoding.encoder import Encoder
        from bench.encoding.models import load_transformer

        return Encoder(load_transformer(self.model), self.pooling, self.similarity)
