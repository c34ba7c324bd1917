"""A transformer, and a pooling of its states."""

from __future__ import annotations

from torch import Tensor
from transformers import PreTrainedModel

from bench.encoding.encoder import Encoder, Pooling, pool
from bench.losses.signals import Similarity


class TransformerEncoder(Encoder):
    """The pooled last states of a transformer."""

    def __init__(
        self,
        transformer: PreTrainedModel,
        pooling: Pooling,
        similarity: Similarity,
    ) -> None:
        super().__init__(similarity)
        self.transformer = transformer
        self.pooling = pooling

    @property
    def pooled_width(self) -> int:
        return self.transformer.config.hidden_size

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        return pool(states, mask, self.pooling)
