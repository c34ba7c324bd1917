"""Writes queries with an encoder–decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from bench import encoding, generators
from bench.generators.base import Generator, Written
from bench.storage.files import digest

if TYPE_CHECKING:
    from bench.context import Context

NOISE, MASK = 0.1, 0.15


@generators.register("seq2seq", version=2)
@dataclass(frozen=True)
class Seq2Seq(Generator):
    """An encoder–decoder from a hub or folder writes queries, from train queries or documents.

    ``source="queries"``: Dec(Enc(mask(x)) + ε) of each train query x. Each token of x is masked
    with probability ``mask`` (by the unknown token if the tokenizer has no mask), and Gaussian
    noise of standard deviation ``noise`` is added to every value of the encoder's output. The new
    queries are assigned to x's relevant documents in turn.
    ``source="documents"``: the decoder's queries for ``prompt`` followed by each document that
    training can draw (doc2query).

    Each text gives ``per_text`` queries, sampled token by token from the ``top_k`` likeliest (0:
    all) at ``temperature``. At most ``max_length`` tokens of a text are read and ``query_length``
    written. Every query has its own random numbers, so neither other queries nor a restart change
    it.

    Source: arXiv 2301.12005 (EmbedDistill), its query generation; arXiv 1904.08375 (doc2query).
    Departs: the defaults of ``noise``, ``mask`` and the sampling options are ours.
    """

    model: str
    source: Literal["queries", "documents"] = "queries"
    per_text: Annotated[int, Ge(1)] = 2
    noise: Annotated[float, Ge(0)] = NOISE
    mask: Annotated[float, Ge(0), Lt(1)] = MASK
    prompt: str = ""
    top_k: Annotated[int, Ge(0)] = 50
    temperature: Annotated[float, Gt(0)] = 1.0
    max_length: Annotated[int, Ge(4)] = 256
    query_length: Annotated[int, Ge(1)] = 32

    def __post_init__(self) -> None:
        if self.source == "documents" and (self.noise, self.mask) != (NOISE, MASK):
            raise ValueError('noise and mask are for source="queries"; documents have neither')
        if self.source == "queries" and self.prompt:
            raise ValueError('prompt is for source="documents"')

    def models(self) -> list[str]:
        return [self.model]

    def weights(self) -> str:
        return digest([encoding.weights_digest(self.model), encoding.tokenizer_digest(self.model)])

    def write(self, context: Context, folder: Path) -> Written:
        collection = context.collection
        if self.source == "documents":
            texts, positions = collection.documents, self.chosen(collection.drawable())
            origins = {position: [position] for position in positions.tolist()}
        else:
            texts = collection.part("train").queries
            positions = self.chosen(np.arange(len(texts)))
            origins = {position: [] for position in range(len(texts))}
            for query, document in collection.part("train").relevant().tolist():
                origins[query].append(document)
        sources = [
            origins[position][copy % len(origins[position])]
            for position in positions.tolist()
            for copy in range(self.per_text)
        ]
        return generators.decode(self, texts, positions, sources, context.device, folder)
