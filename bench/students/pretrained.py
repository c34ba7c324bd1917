"""A whole pretrained encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import students
from bench.students.base import FromModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.encoding.encoder import Encoder
    from bench.lab import Lab


@students.register("pretrained", version=1)
@dataclass(frozen=True)
class Pretrained(FromModel):
    """A pretrained encoder as it is, shared by queries and documents."""

    def encoder(self, lab: Lab, start: PreTrainedModel | None = None) -> Encoder:
        from bench.encoding.models import load_transformer
        from bench.encoding.transformer_encoder import TransformerEncoder

        transformer = start or load_transformer(self.model)
        return TransformerEncoder(transformer, self.pooling, self.similarity)
