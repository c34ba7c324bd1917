"""An encoder made of a transformer and a pooling of its states."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import PreTrainedModel

from bench.encoding.attention import joins
from bench.encoding.encoder import Encoder
from bench.encoding.lengths import first_position, most_tokens
from bench.encoding.packed import Joined
from bench.encoding.pooling import pool, pool_joined
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
        self._first = first_position(transformer)

    @property
    def pooled_width(self) -> int:
        return self.transformer.config.hidden_size * len(self.pooling.split("+"))

    @property
    def table(self) -> nn.Module:
        return self.transformer.get_input_embeddings()

    def set_table(self, table: nn.Embedding) -> None:
        self.transformer.set_input_embeddings(table)

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[n, length] ids and mask → [n, pooled_width], before the head.

        Raises:
            InputError: a text is longer than the model can read.
        """
        self._check(ids.shape[1])
        attended = mask.clone()
        attended[:, :1] = 1  # a text without tokens attends to padding; to nothing gives NaN
        states = self.transformer(input_ids=ids, attention_mask=attended).last_hidden_state
        return pool(states, mask, self.pooling)

    @property
    def joins(self) -> bool:  # type: ignore[override]
        return joins(self.transformer)

    def pooled_joined(self, texts: Joined) -> Tensor:
        """Concatenated texts → [n, pooled_width], before the head.

        Raises:
            InputError: a text is longer than the model can read.
        """
        self._check(texts.longest)
        states = self.transformer(
            input_ids=texts.ids.unsqueeze(0),
            position_ids=(texts.places + self._first).unsqueeze(0),
            cu_seq_lens_q=texts.starts,
            max_length_q=texts.longest,
        ).last_hidden_state
        return pool_joined(states[0], texts, self.pooling)

    def _check(self, longest: int) -> None:
        if longest > self.most:
            raise InputError(
                f"a text has {longest} tokens, and the {self.transformer.config.model_type} "
                f"encoder reads {self.most} at most; give it a smaller max_length"
            )
