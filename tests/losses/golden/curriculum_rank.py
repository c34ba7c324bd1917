"""CL-DRD against its formula, pair by pair, with the labels of its released code."""

import math

import torch

from bench import losses
from bench.losses import Signals
from tests.losses.outside import batches


def labels(count: int, top: int, groups: int) -> list[float]:
    """By the teacher's place: 1/place for the first ``top``, then a value a group, falling."""
    rest = max(0, count - top)
    falling = [0.0] if groups == 1 else [-0.25 * (group + 1) for group in range(groups)]
    ranked = [1 / place for place in range(1, min(top, count) + 1)]
    return ranked + [falling[place * groups // rest] for place in range(rest)]


def value(scores: list[float], teacher: list[float], top: int, groups: int) -> list[float]:
    """The costs of one query's pairs."""
    order = sorted(range(len(scores)), key=lambda i: -teacher[i])
    given = labels(len(scores), top, groups)
    wanted = {document: given[place] for place, document in enumerate(order)}
    ranked = sorted(range(len(scores)), key=lambda i: -scores[i])
    rank = {document: place + 1 for place, document in enumerate(ranked)}
    return [
        abs(1 / rank[i] - 1 / rank[j]) * math.log(1 + math.exp(scores[j] - scores[i]))
        for i in range(len(scores))
        for j in range(len(scores))
        if wanted[i] > wanted[j]
    ]


def cases():
    """(this project's value, the formula's)."""
    for top, groups in ((1, 1), (2, 2), (5, 3), (10, 2), (20, 1)):
        ours = losses.create("curriculum-rank", temperature=0.5, top=top, groups=groups)
        for batch in batches():
            costs = [
                cost
                for scores, teacher in zip(
                    (batch.dots / 0.5).tolist(), batch.scores.tolist(), strict=True
                )
                for cost in value(scores, teacher, top, groups)
            ]
            yield (
                ours(batch.student(), Signals(scores=batch.scores)),
                torch.tensor(sum(costs) / max(1, len(costs))),
            )
