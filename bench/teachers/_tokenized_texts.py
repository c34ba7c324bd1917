"""Texts as a teacher's tokenizer writes them, and what a scorer makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from bench.collections.base import Texts
from bench.context import Context
from bench.encoding.tokens import Tokens, tokenize
from bench.storage.artifacts import Artifact
from bench.teachers._scorers import Scorer


@dataclass(frozen=True)
class TokenizedTexts:
    """Queries and documents for one teacher.

    Attributes:
        texts: the queries.
        query_length: most tokens of a query; 0 means as for documents.
        query_prompt, document_prompt: what is written before every query or document.
    """

    model: str
    max_length: int
    query_length: int
    texts: Texts
    context: Context
    query_prompt: str = ""
    document_prompt: str = ""

    def of(self, queries: Texts) -> TokenizedTexts:
        """The same for other queries."""
        return replace(self, texts=queries)

    @cached_property
    def queries(self) -> Tokens:
        length = self.query_length or self.max_length
        return tokenize(self.texts, self.model, length, self.context.artifacts, self.query_prompt)

    @cached_property
    def documents(self) -> Tokens:
        texts = self.context.collection.documents
        return tokenize(
            texts, self.model, self.max_length, self.context.artifacts, self.document_prompt
        )

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return (self.queries.artifact, self.documents.artifact)

    @torch.inference_mode()
    def rerank(self, scorer: Scorer, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Candidates in the order of their scores, ties by descending id, -1 for none last.

        Args:
            queries: [n] positions; candidates: [n, m] documents, -1 for none.
        """
        device, training = self.context.device, scorer.training
        scorer.eval()
        ties = self.context.collection.documents.tie_order
        ranked = np.full_like(candidates, -1)
        try:
            for row, found in enumerate(candidates):
                found = found[found >= 0]
                if not len(found):
                    continue
                rows = self.documents.rows(found)
                scores = scorer.scores(self.queries.rows(queries[row : row + 1]), rows, device)[0]
                order = np.lexsort((ties[found], -scores.float().cpu().numpy()))
                ranked[row, : len(found)] = found[order]
        finally:
            scorer.train(training)
        return ranked
