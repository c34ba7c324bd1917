"""A teacher's queries and documents as token ids, and reranking with them."""

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
    """Queries, and the collection's documents, as one teacher reads them.

    Attributes:
        model: name or folder of the model whose tokenizer is used.
        max_length: most tokens of a document.
        query_length: most tokens of a query; 0 means as for documents.
        texts: the queries.
        query_prompt, document_prompt: text put before every query or document.
    """

    model: str
    max_length: int
    query_length: int
    texts: Texts
    context: Context
    query_prompt: str = ""
    document_prompt: str = ""

    def of(self, queries: Texts) -> TokenizedTexts:
        """A copy for other queries."""
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
        """[n, m] candidates by descending score, ties in `Texts.tie_order`, -1 for none last.

        Args:
            queries: [n] positions.
            candidates: [n, m] positions of documents, -1 for none.
        """
        device, training = self.context.device, scorer.training
        scorer.eval()
        ties = self.context.collection.documents.tie_order
        ranked = np.full_like(candidates, -1)
        try:
            for row, documents in enumerate(candidates):
                documents = documents[documents >= 0]
                if not len(documents):
                    continue
                rows = self.documents.rows(documents)
                scores = scorer.scores(self.queries.rows(queries[row : row + 1]), rows, device)[0]
                order = np.lexsort((ties[documents], -scores.float().cpu().numpy()))
                ranked[row, : len(documents)] = documents[order]
        finally:
            scorer.train(training)
        return ranked
