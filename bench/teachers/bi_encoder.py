"""A bi-encoder as teacher: its similarities and its vectors, stored once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench import teachers
from bench.losses.signals import Signal, Similarity
from bench.teachers.base import Teaching
from bench.teaching.tunable import Tunable

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.lab import Lab
    from bench.samplers.base import Demand
    from bench.teaching.reading import Reading
    from bench.teaching.scorers import Scorer


@teachers.register("bi-encoder", version=2)
@dataclass(frozen=True)
class BiEncoder(Tunable):
    """A bi-encoder: a hub id, a folder, or the bundled encoder, as it is or fine-tuned here.

    Scores are its similarities: cosines in [-1, 1], or dot products; embeddings have length 1 where
    that is the cosine. Of every train query and every document that training can draw, what the
    loss needs is encoded once, as float32, before the first step: a fixed cost.

    Attributes:
        query_prompt, document_prompt: what is written before every query or document.
    """

    pooling: Literal["mean", "cls", "max"] = "mean"
    similarity: Similarity = "cosine"
    query_prompt: str = ""
    document_prompt: str = ""

    def provides(self) -> frozenset[Signal]:
        return frozenset(Signal)

    def largest_score(self) -> float:
        return 1.0 if self.similarity == "cosine" else math.inf

    def prepare(self, needs: frozenset[Signal], demand: Demand, lab: Lab) -> Teaching:
        from bench.teaching.stored import StoredEmbeddings

        return StoredEmbeddings.of(self.ready(demand.draws.queries, lab), needs)

    def scorer(self) -> Scorer:
        from bench.encoding.models import load_tokenizer, load_transformer
        from bench.encoding.transformer_encoder import TransformerEncoder
        from bench.teaching.scorers import BiScorer

        padding = load_tokenizer(self.model).pad_token_id or 0
        transformer = load_transformer(self.model)
        return BiScorer(TransformerEncoder(transformer, self.pooling, self.similarity), padding)

    def reading(self, queries: Texts, lab: Lab) -> Reading:
        return replace(
            super().reading(queries, lab),
            query_prompt=self.query_prompt,
            document_prompt=self.document_prompt,
        )
