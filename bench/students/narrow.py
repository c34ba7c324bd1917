"""A small BERT with a given number of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from bench import encoding, students
from bench.encoding.declaration import unused_layer
from bench.students.base import FromModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.context import Context
    from bench.encoding.encoder import Encoder


@students.register("narrow", version=1)
@dataclass(frozen=True)
class Narrow(FromModel):
    """A BERT of at most ``parameters`` with a factorised embedding table.

    Its tokenizer is ``model``'s. The table has ``embedding`` columns and is followed by a linear
    layer, as in ALBERT (arXiv 1909.11942) and ELECTRA (arXiv 2003.10555); the architecture is
    transformers' ELECTRA. The remaining parameters go into ``layers`` of one width: the largest
    multiple of 32, the width of a head, that fits. With ``start="model"`` the table starts as the
    principal components of ``model``'s table; the layer after it as the nearest linear map to
    ``model``'s embeddings (or to as many of their principal components); and the layers as
    ``model``'s at equal distances, where the widths agree. The rest is random; with
    ``start="random"`` everything is.
    """

    parameters: Annotated[int, Ge(1000)] = 2_220_000
    layers: Annotated[int, Ge(1)] = 2
    embedding: Annotated[int, Ge(1)] = 64
    start: Literal["model", "random"] = "model"

    @property
    def randomly_initialised(self) -> bool:
        return True

    @property
    def projects(self) -> bool:
        return False

    def notes(self) -> list[str]:
        return [*super().notes(), *unused_layer(self)]

    def encoder(self, context: Context, start: PreTrainedModel | None = None) -> Encoder:
        large = self.transformer(start)
        small = students.small_bert(large, self.parameters, self.layers, self.embedding)
        if self.start == "model":
            students.start_from(large, small)
        return encoding.TransformerEncoder(small, self.pooling, self.similarity)
