"""A bi-encoder as teacher, with its similarities and embeddings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from bench import encoding, teachers
from bench.encoding.declaration import departures, model_default
from bench.encoding.modules import Pooling
from bench.losses.signals import Signal, Similarity
from bench.teachers._neural import NeuralTeacher
from bench.teachers.base import SignalSource

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.context import Context
    from bench.encoding.encoder import Encoder
    from bench.teachers._scorers import Scorer
    from bench.teachers._tokenized_texts import TokenizedTexts
    from bench.triples.stream import DrawPlan


@teachers.register("bi-encoder", version=2)
@dataclass(frozen=True)
class BiEncoder(NeuralTeacher):
    """A bi-encoder: a hub id, a folder, or the bundled encoder, as it is or fine-tuned here.

    Scores are its similarities: cosines in [-1, 1], or dot products. With the cosine, embeddings
    have length 1. Train queries and all documents that training can draw are encoded once, as far
    as the loss needs them, as float32, before the first step: a fixed cost.

    Options that are left out are read from the model's folder if it is one of
    sentence-transformers; else they are mean pooling, cosine, 256 tokens and no prompt.

    Attributes:
        query_prompt, document_prompt: text put before every query or document.
    """

    max_length: Annotated[int, Ge(4)] = model_default()
    pooling: Pooling = model_default()
    similarity: Similarity = model_default()
    query_prompt: str = model_default()
    document_prompt: str = model_default()

    def notes(self) -> list[str]:
        return departures(self)

    def provides(self) -> frozenset[Signal]:
        return frozenset(Signal)

    def largest_score(self) -> float:
        return 1.0 if self.similarity == "cosine" else math.inf

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        return teachers.EmbeddingSignals.of(self.load(plan.stream.queries, context), needs)

    def scorer(self) -> Scorer:
        says = self.declares
        padding = encoding.load_tokenizer(says.body).pad_token_id or 0
        transformer = encoding.load_transformer(says.body)
        encoder: Encoder = encoding.TransformerEncoder(transformer, self.pooling, self.similarity)
        if says.modules:
            encoder = says.modules.add_head(encoder)
        return teachers.BiScorer(encoder, padding)

    def tokenize(self, queries: Texts, context: Context) -> TokenizedTexts:
        return replace(
            super().tokenize(queries, context),
            query_prompt=self.query_prompt,
            document_prompt=self.document_prompt,
        )
