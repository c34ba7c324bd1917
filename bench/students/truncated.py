"""Some layers of a pretrained encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from bench import encoding, students
from bench.encoding.layers import LayerChoice, choose_layers
from bench.encoding.models import count_layers, is_local
from bench.students.base import FromModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@students.register("truncated", version=1)
@dataclass(frozen=True)
class Truncated(FromModel):
    """``layers`` of a pretrained encoder's layers, shared by queries and documents.

    ``keep`` says which: the first, the last, or layers at equal distances, the first and the last
    included (DistilBERT, arXiv 1910.01108, takes every second).
    """

    layers: Annotated[int, Ge(1)] = 2
    keep: LayerChoice = "first"

    def check(self) -> None:
        super().check()
        if is_local(self.model):
            choose_layers(count_layers(self.declares.body), self.layers, self.keep)

    def transformer(self, start: PreTrainedModel | None = None) -> PreTrainedModel:
        return encoding.keep_layers(super().transformer(start), self.layers, self.keep)
