"""Uses pieces of documents as queries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge

from bench import generators
from bench.generators.base import Generator, Written

if TYPE_CHECKING:
    from bench.context import Context

LEAST = 3
"""Least words of a sentence that becomes a query; documents need twice as many, so that a query is
at most half of its document."""

CHUNK = 20_000
"""Documents read at a time."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


@generators.register("span", version=1)
@dataclass(frozen=True)
class Span(Generator):
    """Sentences, or spans of words, of the documents that training can draw; needs no model.

    A query has at most ``words`` words and at most half of its document's words: a sentence is cut
    off there, a span starts anywhere. A document gives ``per_document`` different queries, or fewer
    if it has no more. Documents of fewer than 6 words and sentences of fewer than 3 give none.
    Words are separated by white space.

    Source: arXiv 1906.00300, its inverse cloze task.
    Departs: the query is not removed from the document; spans are ours.
    """

    per_document: Annotated[int, Ge(1)] = 1
    words: Annotated[int, Ge(1)] = 12
    piece: Literal["sentence", "span"] = "sentence"

    def write(self, context: Context, folder: Path) -> Written:
        documents = context.collection.documents
        positions = self.chosen(context.collection.drawable())
        texts: list[str] = []
        sources: list[int] = []
        for start in range(0, len(positions), CHUNK):
            chunk = positions[start : start + CHUNK]
            for position, document in zip(chunk.tolist(), documents.take(chunk), strict=True):
                pieces = self.pieces(document, np.random.default_rng([self.seed, position]))
                texts += pieces
                sources += [position] * len(pieces)
        return Written(texts, sources, read=len(positions))

    def pieces(self, document: str, random: np.random.Generator) -> list[str]:
        """The queries of one document."""
        words = document.split()
        if len(words) < 2 * LEAST:
            return []
        longest = min(self.words, len(words) // 2)
        if self.piece == "span":
            starts = _choose(len(words) - longest + 1, self.per_document, random)
            return [" ".join(words[start : start + longest]) for start in starts]
        sentences = [sentence.split() for sentence in _SENTENCE_END.split(document)]
        usable = [sentence for sentence in sentences if len(sentence) >= LEAST]
        chosen = _choose(len(usable), self.per_document, random)
        return [" ".join(usable[number][:longest]) for number in chosen]


def _choose(count: int, wanted: int, random: np.random.Generator) -> list[int]:
    """``wanted`` distinct numbers below ``count``; all of them if ``wanted`` is more."""
    return random.permutation(count)[:wanted].tolist()
