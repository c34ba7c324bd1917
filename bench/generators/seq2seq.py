"""New queries from an encoder–decoder."""

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
    """Any encoder–decoder of a hub or a folder writes new queries, from train queries or documents.

    ``source="queries"``: Dec(Enc(mask(x)) + ε) of each train query x. Each of its tokens is masked
    with the probability ``mask`` (by the unknown token where the tokenizer has no mask), and every
    number of the encoder's output gets Gaussian noise of the standard deviation ``noise``. The
    first new query goes to x's first relevant document, the second to its second, and round again.
    ``source="documents"``: the decoder's query for ``prompt`` and each document that training can
    draw (doc2query).

    Each text gives ``per_text`` queries, drawn token by token from the ``top_k`` likeliest (0: all)
    at ``temperature``. ``max_length`` tokens of a text are read, ``query_length`` written. A query
    has random numbers of its own: neither its neighbours nor a restart change them.

    Source: arXiv 2301.12005 (EmbedDistill), its query generation; arXiv 1904.08375 (doc2query).
    Departs: the defaults of ``noise``, ``mask`` and of the drawing are ours.
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
