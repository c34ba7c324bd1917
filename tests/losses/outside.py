"""Random batches for this project's losses and sentence-transformers' own."""

from collections.abc import Iterator

import torch
from torch import Tensor

SHAPES = [(4, 8, 1), (7, 5, 1), (3, 6, 4)]


class Given(torch.nn.Module):
    """Stands for their model: hands out embeddings that were made before."""

    def forward(self, features: dict) -> dict:
        return features


def batches() -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Queries [B,d], positives [B,d], negatives [B,K,d], teacher's scores [B,1+K]."""
    for seed, (batch, width, count) in enumerate(SHAPES):
        draw = torch.Generator().manual_seed(seed)
        queries, positives = torch.randn(2, batch, width, generator=draw, dtype=torch.float64)
        negatives = torch.randn(batch, count, width, generator=draw, dtype=torch.float64)
        scores = torch.randn(batch, 1 + count, generator=draw, dtype=torch.float64)
        yield queries, positives, negatives, scores


def features(*texts: Tensor) -> list[dict[str, Tensor]]:
    """Embeddings as their losses take them: one column of texts each."""
    return [{"sentence_embedding": vectors} for vectors in texts]
