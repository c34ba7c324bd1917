"""Exact search by inner product, with ties always broken in the same way."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.encoding.products import product
from bench.evaluation.ranking import Ranking

BLOCK = 256
"""Most queries at once."""

CELLS = 64_000_000
"""Most scores in memory at once."""

LAST = torch.finfo(torch.float32).min
"""The score of a document without tokens; finite, so that a TREC run can hold it."""


@torch.inference_mode()
def search(
    queries: Tensor, documents: Tensor, tie_order: np.ndarray, depth: int, positions: np.ndarray
) -> Ranking:
    """The ``depth`` documents of largest inner product for each query.

    Args:
        queries: [Q, d] and documents: [N, d], on one device. A document whose vector is zero (a
            text without tokens) comes last.
        tie_order: [N]; among equal scores the smaller value goes first.
        depth: documents per query; fewer if there are fewer documents.
        positions: [N] positions that stand for the documents in the result.
    """
    # In tie order, "the earlier of equals" is "the smaller index".
    order = np.argsort(tie_order)
    documents = documents.index_select(0, torch.from_numpy(order).to(documents.device))
    empty = ~documents.any(1)
    some_empty = bool(empty.any())
    depth = min(depth, len(order))
    columns = max(depth, CELLS // max(1, min(len(queries), BLOCK)))
    indices, scores = [], []
    for block in queries.split(BLOCK):
        best_at = torch.empty(len(block), 0, dtype=torch.long, device=queries.device)
        best = torch.empty(len(block), 0, device=queries.device)
        for start in range(0, len(documents), columns):
            part = product(block, documents[start : start + columns])
            if some_empty:
                part.masked_fill_(empty[start : start + columns], LAST)
            scored, at = _top(part, depth)
            best, merged = _top(torch.cat([best, scored], 1), depth)
            best_at = torch.cat([best_at, at + start], 1).gather(1, merged)
        indices.append(best_at.cpu().numpy())
        scores.append(best.cpu().numpy())
    return Ranking(positions[order[np.concatenate(indices)]], np.concatenate(scores))


def _top(scores: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """The best ``depth`` of each row and their columns, by score; of equals, the first columns."""
    if scores.shape[1] > depth:
        best, columns = scores.topk(depth + 1, dim=1)
        # topk keeps any of the scores that are equal to the worst kept one; the first are wanted.
        tied = (best[:, depth] == best[:, depth - 1]).nonzero().squeeze(1)
        columns = columns[:, :depth]
        if len(tied):
            columns[tied] = _first_of_best(scores[tied], best[tied, depth - 1 : depth], depth)
        columns = columns.sort(dim=1).values
        scores, order = scores.gather(1, columns).sort(dim=1, descending=True, stable=True)
        return scores, columns.gather(1, order)
    return scores.sort(dim=1, descending=True, stable=True)


def _first_of_best(scores: Tensor, worst: Tensor, depth: int) -> Tensor:
    """Columns of the ``depth`` best of each row, the first of those that equal the worst."""
    above = scores > worst
    level = scores == worst
    room = depth - above.sum(1, keepdim=True)
    kept = above | (level & (level.cumsum(1) <= room))
    return kept.nonzero(as_tuple=True)[1].view(len(scores), depth)
