"""Stella and Jasper's terms against their formulas, entry by entry."""

from itertools import combinations, product
from statistics import fmean

import torch

from bench import losses
from tests.losses.outside import Batch, batches


def gram(texts: torch.Tensor) -> list[list[float]]:
    return torch.nn.functional.cosine_similarity(texts[:, None], texts[None], dim=-1).tolist()


def terms(student: torch.Tensor, teacher: torch.Tensor) -> tuple[float, float, float]:
    size = range(len(student))
    ours, theirs = gram(student), gram(teacher)
    labels = torch.ones(len(student))
    vector = torch.nn.functional.cosine_embedding_loss(student, teacher, labels).item()
    similarity = fmean((ours[i][j] - theirs[i][j]) ** 2 for i, j in product(size, size))
    upper = list(combinations(size, 2))
    order = fmean(
        max(0.0, 0.015 - (1 if above(theirs, a, b) else -1) * (at(ours, a) - at(ours, b)))
        for a, b in combinations(upper, 2)
    )
    return vector, similarity, order


def at(matrix: list[list[float]], place: tuple[int, int]) -> float:
    return matrix[place[0]][place[1]]


def above(matrix: list[list[float]], a: tuple[int, int], b: tuple[int, int]) -> bool:
    return at(matrix, a) > at(matrix, b)


def texts(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.cat([batch.queries, batch.documents.flatten(0, 1)]),
        torch.cat([batch.teacher_queries, batch.teacher_documents.flatten(0, 1)]),
    )


def cases():
    """(this project's value, the formula's)."""
    for batch in list(batches())[:3]:
        for side, (student, teacher) in {
            "both": texts(batch),
            "queries": (batch.queries, batch.teacher_queries),
        }.items():
            vector, similarity, order = terms(student, teacher)
            ours = losses.create("gram-match", texts=side)
            value = 10 * vector + 200 * similarity + 20 * order
            yield ours(batch.student(), batch.signals), torch.tensor(value)
            alone = losses.create("gram-match", texts=side, vector=0.0, gram=0.0, order=1.0)
            yield alone(batch.student(), batch.signals), torch.tensor(order)
