"""A sum of losses, some of which have learned parameters."""

from __future__ import annotations

from torch import Tensor, nn

from bench.losses.signals import Embeddings, Signals
from bench.losses.sum import Parts, add, watch


class SumModule(nn.Module):
    """The built parts of a `Sum`, as a module that owns their parameters."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.parts = parts
        self.own = nn.ModuleDict(
            {name: part for name, (_, part) in parts.items() if isinstance(part, nn.Module)}
        )

    def forward(self, student: Embeddings, teacher: Signals) -> Tensor:
        return add(self.parts, student, teacher)

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        return watch(self.parts, student, teacher)
