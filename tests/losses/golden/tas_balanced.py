"""TAS-Balanced against its formula, pair by pair, as its released code selects them."""

from statistics import fmean

import torch

from bench import losses
from tests.losses.outside import Batch, batches


def value(batch: Batch, weight: float) -> float:
    size, count = batch.negatives.shape[:2]
    s = torch.einsum("id,jkd->ijk", batch.queries, batch.documents).tolist()
    t, second = batch.scores.tolist(), batch.in_batch.tolist()
    own = [
        ((s[i][i][0] - s[i][i][k]) - (t[i][0] - t[i][k])) ** 2
        for i in range(size)
        for k in range(1, 1 + count)
    ]

    def across(columns: range) -> float:
        return fmean(
            ((s[i][i][0] - s[i][j][k]) - (second[i][i][0] - second[i][j][k])) ** 2
            for i in range(size)
            for j in range(size)
            for k in columns
            if i != j
        )

    return fmean(own) + weight * 0.5 * (across(range(1)) + across(range(1, 1 + count)))


def cases():
    """(this project's value, the formula's)."""
    for weight in (0.75, 2.0):
        ours = losses.create("tas-balanced", weight=weight)
        for batch in batches():
            yield ours(batch.student(), batch.signals), torch.tensor(value(batch, weight))
