"""Score BCE against its formula, number by number."""

import math

import torch

from bench import losses
from tests.losses.outside import batches


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def cases():
    """(this project's value, the formula's)."""
    for scale, teacher_scale in ((1.0, 1.0), (2.5, 0.4)):
        ours = losses.create("score-bce", scale=scale, teacher_scale=teacher_scale)
        for batch in batches():
            pairs = zip(batch.dots.flatten().tolist(), batch.scores.flatten().tolist(), strict=True)
            costs = [
                -sigmoid(teacher_scale * t) * math.log(sigmoid(scale * s))
                - (1 - sigmoid(teacher_scale * t)) * math.log(sigmoid(-scale * s))
                for s, t in pairs
            ]
            yield ours(batch.student(), batch.signals), torch.tensor(sum(costs) / len(costs))
