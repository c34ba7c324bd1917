"""A transformer, and a pooling of its states."""

from __future__ import annotations

import sys

from torch import Tensor, nn
from transformers import PreTrainedModel

from bench.encoding.encoder import Encoder, Pooling, pool
from bench.errors import InputError
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
        self.most = most_tokens(transformer)

    @property
    def pooled_width(self) -> int:
        return self.transformer.config.hidden_size

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[n, length] ids and mask → one vector a text, before the head.

        Raises:
            InputError: a text is longer than the model can read.
        """
        if ids.shape[1] > self.most:
            raise InputError(
                f"a text has {ids.shape[1]} tokens, and the {self.transformer.config.model_type} "
                f"encoder reads {self.most} at most; give it a smaller max_length"
            )
        states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        return pool(states, mask, self.pooling)


def most_tokens(transformer: PreTrainedModel) -> int:
    """How long a text it can read: as its table of positions says, where it has one.

    Some (RoBERTa, MPNet) count positions from behind that of the padding: so many fewer.
    """
    for module in transformer.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, nn.Embedding):
            before = 0 if table.padding_idx is None else table.padding_idx + 1
            return table.num_embeddings - before
    return sys.maxsize
