"""RKD against its formula, pair by pair and angle by angle."""

import math
from itertools import product

import torch

from bench import losses
from tests.losses.outside import batches


def huber(x: float) -> float:
    return x * x / 2 if abs(x) < 1 else abs(x) - 0.5


def distances(texts: list[list[float]]) -> list[float]:
    found = [math.dist(a, b) for a, b in product(texts, repeat=2)]
    above = [distance for distance in found if distance > 0]
    return [distance / (sum(above) / len(above)) for distance in found]


def angles(texts: list[list[float]]) -> list[float]:
    """The cosine at b between a and c; 0 where two of them are one text."""
    cosines = []
    for b, a, c in product(texts, repeat=3):
        first = [x - y for x, y in zip(a, b, strict=True)]
        second = [x - y for x, y in zip(c, b, strict=True)]
        lengths = math.hypot(*first) * math.hypot(*second)
        dot = sum(x * y for x, y in zip(first, second, strict=True))
        cosines.append(dot / lengths if lengths else 0.0)
    return cosines


def mean_huber(ours: list[float], theirs: list[float]) -> float:
    return sum(huber(a - b) for a, b in zip(ours, theirs, strict=True)) / len(ours)


def cases():
    """(this project's value, the formula's)."""
    for batch in list(batches())[:3]:
        student = torch.cat([batch.queries, batch.documents.flatten(0, 1)]).tolist()
        teacher = torch.cat([batch.teacher_queries, batch.teacher_documents.flatten(0, 1)]).tolist()
        apart = mean_huber(distances(student), distances(teacher))
        turned = mean_huber(angles(student), angles(teacher))
        for distance, angle in ((1.0, 2.0), (1.0, 0.0), (0.0, 1.0)):
            ours = losses.create("relational", distance=distance, angle=angle)
            value = torch.tensor(distance * apart + angle * turned)
            yield ours(batch.student(), batch.signals), value
        queries = losses.create("relational", texts="queries", angle=0.0)
        wanted = mean_huber(
            distances(batch.queries.tolist()), distances(batch.teacher_queries.tolist())
        )
        yield queries(batch.student(), batch.signals), torch.tensor(wanted)
