"""Some layers of a pretrained encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from bench import students
from bench.students.base import FromModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.encoding.encoder import Encoder
    from bench.lab import Lab


@students.register("truncated", version=1)
@dataclass(frozen=True)
class Truncated(FromModel):
    """``layers`` of a pretrained encoder's layers, shared by queries and documents.

    ``keep`` says which: the first, the last, or some at equal distances, the first and the last
    among them (as DistilBERT, arXiv 1910.01108, which takes every second).
    """

    layers: Annotated[int, Ge(1)] = 2
    keep: Literal["first", "last", "spaced"] = "first"

    def encoder(self, lab: Lab, start: PreTrainedModel | None = None) -> Encoder:
        from bench.encoding.layers import keep_layers
        from bench.encoding.models import load_transformer
        from bench.encoding.transformer_encoder import TransformerEncoder

        whole = start or load_transformer(self.model)
        transformer = keep_layers(whole, self.layers, self.keep)
        return TransformerEncoder(transformer, self.pooling, self.similarity)
