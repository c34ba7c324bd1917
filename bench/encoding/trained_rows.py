"""Token embeddings of which training computes only the rows that its texts can touch.

AdamW only decays a row without a gradient. In a small encoder such rows are half of all weights;
to zero their gradient, take its norm and update their moments is work at every step for a number
that is known: their start times the product of 1 - learning rate · decay over the steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from bench.encoding.encoder import Encoder
from bench.encoding.tokens import Tokens


class TrainedRows(nn.Embedding):
    """A table whose ``weight`` holds the rows that are trained; in evaluation it has all.

    Attributes:
        others: [V - m, d] the rows that are not trained, as they were at the start.
        decayed: float64, what they are to be multiplied by now.
    """

    others: Tensor
    decayed: Tensor
    _place: Tensor

    def __init__(self, table: nn.Embedding, used: Tensor) -> None:
        """Copy what is needed of a table.

        Args:
            table: [V, d].
            used: [m] ids of the rows to train, ascending.
        """
        super().__init__(len(used), table.embedding_dim, _weight=table.weight.detach()[used])
        place = torch.full((table.num_embeddings,), -1, device=used.device)
        place[used] = torch.arange(len(used), device=used.device)
        unused = (place < 0).nonzero().squeeze(1)
        place[unused] = torch.arange(len(used), table.num_embeddings, device=used.device)
        padding = table.padding_idx
        self.padding_idx = None if padding is None else int(place[padding])
        self.register_buffer("others", table.weight.detach()[unused])
        self.register_buffer("decayed", torch.ones((), dtype=torch.float64, device=used.device))
        self.register_buffer("_place", place, persistent=False)
        self._padding = padding
        self._whole: Tensor | None = None

    def forward(self, input: Tensor) -> Tensor:
        if self.training:
            return embedding(self._place[input], self.weight, self.padding_idx)
        if self._whole is None:
            self._whole = self.whole()
        return embedding(input, self._whole)

    def train(self, mode: bool = True) -> TrainedRows:
        self._whole = None  # the weights may have changed, or are about to
        return super().train(mode)

    def whole(self) -> Tensor:
        """The table as it is now: [V, d]."""
        others = (self.others * self.decayed).to(self.weight.dtype)
        return torch.cat([self.weight.detach(), others])[self._place]

    def plain(self) -> nn.Embedding:
        """The same as a module of torch's own."""
        return nn.Embedding.from_pretrained(self.whole(), freeze=False, padding_idx=self._padding)


def train_rows(encoder: Encoder, texts: Iterable[Tokens]) -> None:
    """Let training compute the rows of these texts only, where that leaves some out."""
    table = encoder.table
    if type(table) is not nn.Embedding or not table.weight.requires_grad:
        return
    used = np.zeros(table.num_embeddings, dtype=bool)
    used[[0, table.padding_idx or 0]] = True  # what warming up reads, and what has no gradient
    for tokens in texts:
        used[tokens.padding] = True
        used[tokens.vocabulary] = True
    if not used.all():
        rows = torch.from_numpy(np.flatnonzero(used)).to(table.weight.device)
        encoder.set_table(TrainedRows(table, rows))


def train_all(encoder: Encoder) -> None:
    """Undo `train_rows`: give the encoder the whole table."""
    if isinstance(encoder.table, TrainedRows):
        encoder.set_table(encoder.table.plain())


def decay_with(optimizer: torch.optim.Optimizer, modules: Iterable[nn.Module]) -> None:
    """Let every step of the optimizer decay the rows that it does not train, as it would."""
    groups = [
        (part, next(at for at, group in enumerate(optimizer.param_groups) if _holds(group, part)))
        for module in modules
        for part in module.modules()
        if isinstance(part, TrainedRows)
    ]

    def decay(stepped: torch.optim.Optimizer, *_: Any) -> None:
        for table, at in groups:
            group = stepped.param_groups[at]
            table.decayed *= 1 - group["lr"] * group["weight_decay"]

    optimizer.register_step_post_hook(decay)


def _holds(group: dict[str, Any], table: TrainedRows) -> bool:
    return any(value is table.weight for value in group["params"])
