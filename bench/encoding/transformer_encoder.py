"""A transformer, and a pooling of its states."""

from __future__ import annotations

from torch import Tensor
from transformers import PreTrainedModel

from bench.encoding.encoder import Encoder, pool
from bench.encoding.lengths import most_tokens
from bench.errors import InputError
from bench.losses.signals import Similarity


class TransformerEncoder(Encoder):
    """The pooled last states of a transformer."""

    def __init__(
        self,
        transformer: PreTrainedModel,
        pooling: str,
        similarity: Similarity,
    ) -> None:
        super().__init__(similarity)
        self.transformer = transformer
        self.pooling = pooling
        self.most = most_tokens(transformer)

    @property
    def pooled_width(self) -> int:
        return self.transformer.config.hidden_size * len(self.pooling.split("+"))

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
        attended = mask.clone()
        attended[:, :1] = 1  # of a text without tokens the padding: nothing would be no number
        states = self.transformer(input_ids=ids, attention_mask=attended).last_hidden_state
        return pool(states, mask, self.pooling)
