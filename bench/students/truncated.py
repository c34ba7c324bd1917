"""The first layers of a pretrained encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from bench import students
from bench.students.base import Student

if TYPE_CHECKING:
    from bench.encoding.encoder import Encoder


@students.register("truncated", version=1)
@dataclass(frozen=True)
class Truncated(Student):
    """The first ``layers`` layers of a pretrained encoder, shared by queries and documents."""

    layers: Annotated[int, Ge(1)] = 2

    def build(self) -> Encoder:
        from bench.encoding.encoder import Encoder
        from bench.encoding.models import keep_first_layers, load_transformer

        transformer = load_transformer(self.model)
        keep_first_layers(transformer, self.layers)
        return Encoder(transformer, self.pooling, self.similarity)
