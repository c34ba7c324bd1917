"""Random batches for this project's losses and other libraries' own."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from bench.losses import Embeddings, Signals

SHAPES = [(4, 8, 1), (7, 5, 1), (3, 6, 4), (5, 4, 12)]


@dataclass
class Batch:
    """Float64 vectors of B triples with K negatives, and of a teacher of the same width.

    Attributes:
        queries, positives: [B,d]; negatives: [B,K,d].
        scores: the teacher's, [B,1+K]; in_batch: [B,B,1+K].
        teacher_queries: [B,d]; teacher_documents: [B,1+K,d].
    """

    queries: Tensor
    positives: Tensor
    negatives: Tensor
    scores: Tensor
    in_batch: Tensor
    teacher_queries: Tensor
    teacher_documents: Tensor

    def student(self, similarity: str = "dot") -> Embeddings:
        return Embeddings(self.queries, self.positives, self.negatives, similarity)

    @property
    def signals(self) -> Signals:
        return Signals(self.scores, self.in_batch, self.teacher_queries, self.teacher_documents)

    @property
    def documents(self) -> Tensor:
        return torch.cat([self.positives.unsqueeze(1), self.negatives], dim=1)

    @property
    def dots(self) -> Tensor:
        """The student's dot products [B,1+K], written apart from the product."""
        return torch.einsum("bd,bkd->bk", self.queries, self.documents)

    @property
    def columns(self) -> list[Tensor]:
        """The texts as sentence-transformers takes them: queries, positives, negatives 1 … K."""
        return [self.queries, self.positives, *self.negatives.unbind(1)]

    @property
    def teacher_columns(self) -> Tensor:
        """Its labels for those columns: [B, 2+K, d]."""
        return torch.cat([self.teacher_queries.unsqueeze(1), self.teacher_documents], dim=1)


def batches() -> Iterator[Batch]:
    for seed, (size, width, count) in enumerate(SHAPES):
        draw = torch.Generator().manual_seed(seed)

        def normal(*shape: int, draw: torch.Generator = draw) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64)

        yield Batch(
            normal(size, width),
            normal(size, width),
            normal(size, count, width),
            normal(size, 1 + count),
            normal(size, size, 1 + count),
            normal(size, width),
            normal(size, 1 + count, width),
        )


class Given(torch.nn.Module):
    """Stands for a sentence-transformers model: hands out embeddings that were made before."""

    def forward(self, features: dict) -> dict:
        return features


def features(*texts: Tensor) -> list[dict[str, Tensor]]:
    """Embeddings as their losses take them: one column of texts each."""
    return [{"sentence_embedding": vectors} for vectors in texts]


def output(scores: Tensor) -> SimpleNamespace:
    """A model's output as lightning-ir's losses read it."""
    return SimpleNamespace(scores=scores)


def targets(scores: Tensor) -> SimpleNamespace:
    """A batch as they read it."""
    return SimpleNamespace(targets=scores)


class GivenScores(torch.nn.Module):
    """Stands for a sentence-transformers cross-encoder: hands out scores that were made before."""

    num_labels = 1
    device = torch.device("cpu")

    def __init__(self, scores: Tensor) -> None:
        super().__init__()
        self.scores = scores

    def preprocess(self, pairs: list, **_: object) -> dict[str, Tensor]:
        return {"rows": torch.tensor(pairs)}

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        row, column = features["rows"].unbind(1)
        return {"scores": self.scores[row, column]}

    @property
    def inputs(self) -> list:
        """What stands for (queries, documents of each) in a call of the loss."""
        rows, columns = self.scores.shape
        return [list(range(rows)), [list(range(columns))] * rows]
