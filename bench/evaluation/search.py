"""Exact search by inner product, ties broken the same way everywhere."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.evaluation.ranking import Ranking

CELLS = 64_000_000
"""Most scores held at once."""

LAST = torch.finfo(torch.float32).min
"""The score of a document without any token; a number, so that a TREC run can hold it."""


@torch.inference_mode()
def search(
    queries: Tensor, documents: Tensor, tie_order: np.ndarray, depth: int, positions: np.ndarray
) -> Ranking:
    """The ``depth`` documents of largest inner product for each query.

    Args:
        queries: [Q, d] and documents: [N, d], on one device. A document of nothing but zeros (a
            text without any token) is like no query, and comes last.
        tie_order: [N] among equal scores the smaller goes first.
        depth: how many; fewer where there are fewer documents.
        positions: [N] what to call each document in the result.
    """
    # In tie order, "the earlier of equals" is "the smaller index".
    order = np.argsort(tie_order)
    documents = documents.index_select(0, torch.from_numpy(order).to(documents.device))
    empty = ~documents.any(1)
    depth = min(depth, len(order))
    columns = max(depth, CELLS // max(1, min(len(queries), 1024)))
    found, scores = [], []
    for block in queries.split(1024):
        best_at = torch.empty(len(block), 0, dtype=torch.long, device=queries.device)
        best = torch.empty(len(block), 0, device=queries.device)
        for start in range(0, len(documents), columns):
            part = block @ documents[start : start + columns].T
            part.masked_fill_(empty[start : start + columns], LAST)
            at = torch.arange(start, start + part.shape[1], device=part.device).expand_as(part)
            best, best_at = _top(torch.cat([best, part], 1), torch.cat([best_at, at], 1), depth)
        found.append(best_at.cpu().numpy())
        scores.append(best.cpu().numpy())
    return Ranking(positions[order[np.concatenate(found)]], np.concatenate(scores))


def _top(scores: Tensor, at: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """The best ``depth`` of each row, by score, then by position."""
    if scores.shape[1] > depth:
        worst = scores.topk(depth, dim=1).values[:, -1:]
        # Of those equal to the worst that stays, only the first in tie order may stay: topk itself
        # would keep any of them.
        above = scores > worst
        level = scores == worst
        room = depth - above.sum(1, keepdim=True)
        kept = above | (level & (level.cumsum(1) <= room))
        columns = kept.nonzero(as_tuple=True)[1].view(len(scores), depth)
        scores, at = scores.gather(1, columns), at.gather(1, columns)
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    return scores, at.gather(1, order)
