"""Embedding matching against sentence-transformers' EmbedDistillLoss, side by side."""

import torch
from sentence_transformers.sentence_transformer.losses import EmbedDistillLoss

from bench import losses
from bench.losses import Signals
from tests.losses.outside import Batch, Given, batches, features

METRICS = {"norm": "l2", "squared": "mse", "cosine": "cosine"}


class Wide(Given):
    """Tells their loss the student's width, for its projection."""

    device = torch.device("cpu")

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def get_embedding_dimension(self) -> int:
        return self.width


def sides(theirs: EmbedDistillLoss, batch: Batch, labels: torch.Tensor) -> tuple:
    """Their value of the queries and of the documents, which are their other columns."""
    columns = features(*batch.columns)
    return theirs(columns[:1], labels[:, 0]), theirs(columns[1:], labels[:, 1:])


def cases():
    """(this project's value, the other library's value)."""
    for error, metric in METRICS.items():
        theirs = EmbedDistillLoss(Given(), distance_metric=metric)
        for batch in batches():
            factor = batch.queries.shape[1] if error == "squared" else 1
            queries, documents = sides(theirs, batch, batch.teacher_columns)
            wanted = {"queries": queries, "documents": documents, "both": queries + documents}
            for texts, value in wanted.items():
                ours = losses.create("embedding-match", error=error, texts=texts)
                yield ours(batch.student(), batch.signals), factor * value
    yield from projected()


def projected():
    """A teacher two wider than the student, and one linear layer in both libraries."""
    for batch in batches():
        size, count, width = batch.negatives.shape
        draw = torch.Generator().manual_seed(1)
        labels = torch.randn(size, 2 + count, width + 2, generator=draw, dtype=torch.float64)
        theirs = EmbedDistillLoss(Wide(width), "l2", projection_dim=width + 2).double()
        ours = losses.create("embedding-match").build(width, width + 2).double()
        ours.layer.load_state_dict(theirs.projection.state_dict())
        signals = Signals(queries=labels[:, 0], documents=labels[:, 1:])
        yield ours(batch.student(), signals), sum(sides(theirs, batch, labels))
