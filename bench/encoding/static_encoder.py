"""An encoder that averages token embeddings from a table, without context."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.encoding.encoder import Encoder
from bench.encoding.pooling import pool
from bench.losses.signals import Similarity


class StaticEncoder(Encoder):
    """The mean of a text's token embeddings, special tokens left out.

    Args:
        table: [vocabulary, d].
        before, behind: how many special tokens the tokenizer puts before and after a text.
    """

    def __init__(
        self,
        table: Tensor,
        before: int,
        behind: int,
        similarity: Similarity,
    ) -> None:
        super().__init__(similarity)
        self.embedding = nn.Embedding.from_pretrained(table, freeze=False)
        self._before, self._behind = before, behind

    @property
    def pooled_width(self) -> int:
        return self.embedding.embedding_dim

    @property
    def table(self) -> nn.Embedding:
        return self.embedding

    def set_table(self, table: nn.Embedding) -> None:
        self.embedding = table

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        ends = mask.sum(1, keepdim=True) - self._behind
        kept = (places >= self._before) & (places < ends)
        return pool(self.embedding(ids), kept, "mean")
