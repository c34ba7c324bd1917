"""Averaged token embeddings: the floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench import students
from bench.students.base import FromModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.encoding.encoder import Encoder
    from bench.lab import Lab


@students.register("static", version=1)
@dataclass(frozen=True)
class Static(FromModel):
    """The mean of a text's token embeddings, special tokens left out: no layer, no context.

    Its table starts as the model's own.
    """

    pooling: Literal["mean"] = "mean"

    def encoder(self, lab: Lab, start: PreTrainedModel | None = None) -> Encoder:
        from bench.encoding.joint import JointForm
        from bench.encoding.models import load_tokenizer, load_transformer
        from bench.encoding.static_encoder import StaticEncoder

        transformer = start or load_transformer(self.model)
        table = transformer.get_input_embeddings().weight.detach()
        form = JointForm.of(load_tokenizer(self.model))
        return StaticEncoder(table.clone(), form.head, form.tail, self.similarity)
