"""EmbedDistill's complete objective, as a named sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen

from bench import losses
from bench.losses.sum import Sum


@losses.register("embed-distill", version=1)
@dataclass(frozen=True)
class EmbedDistill(Sum):
    """One-hot + 1.0 · score distillation + 1.0 · embedding matching.

    infonce with in-batch negatives, list-kl over a triple's documents, and embedding-match on
    queries and documents. Options, weights and search space are those of ``sum``; with another
    list of ``parts`` it is that sum.

    Shapes: queries, positives [B,d], negatives [B,K,d]; the teacher's scores [B,1+K] and its
    query [B,d'] and document embeddings [B,1+K,d'].
    Source: arXiv 2301.12005 (EmbedDistill); 5.0 · matching for its smallest student.
    Departs: the temperatures of one-hot and score distillation, whose defaults suit cosines.
    """

    parts: Annotated[tuple[str, ...], MinLen(1)] = ("infonce", "list-kl", "embedding-match")
