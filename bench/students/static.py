"""Averaged token embeddings, the simplest student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench import encoding, students
from bench.encoding.declaration import unused_layer
from bench.students.base import FromModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.context import Context
    from bench.encoding.encoder import Encoder


@students.register("static", version=1)
@dataclass(frozen=True)
class Static(FromModel):
    """The mean of a text's token embeddings, without special tokens, layers or context.

    The table starts as the embedding table of ``model``.
    """

    pooling: Literal["mean"] = "mean"

    @property
    def projects(self) -> bool:
        return False

    def notes(self) -> list[str]:
        return [*super().notes(), *unused_layer(self)]

    def encoder(self, context: Context, start: PreTrainedModel | None = None) -> Encoder:
        transformer = self.transformer(start)
        table = transformer.get_input_embeddings().weight.detach()
        form = encoding.JointForm.of(encoding.load_tokenizer(self.declares.body))
        return encoding.StaticEncoder(table.clone(), form.head, form.tail, self.similarity)
