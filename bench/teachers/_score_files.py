"""Files of scores that were computed elsewhere, as a table of pairs."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.collections.base import Texts
from bench.errors import InputError
from bench.teachers._score_formats import FORMATS, lines
from bench.triples.pairs import decode_pairs

BLOCK = 1 << 20
"""Pairs that are collected before repeated ones are dropped."""


@dataclass(frozen=True)
class ScoreFile:
    """A file of scores of these queries and documents.

    Attributes:
        format: one of `FORMATS`.
        skip: leave out what names another query or document, instead of refusing the file.
        tolerance: how far two scores of one pair may lie apart; the first is then the pair's.
    """

    path: Path
    format: str
    queries: Texts
    documents: Texts
    skip: bool = False
    tolerance: float = 0.0

    def read(self) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
        """Codes (query · documents + document) int64 [n], sorted; scores float32 [n]; counts.

        Raises:
            InputError: a line that is not as it must be, lines that name what is not there (all
                counted), or two scores of one pair.
        """
        query_at = {id: place for place, id in enumerate(self.queries.id_list())}
        document_at = {id: place for place, id in enumerate(self.documents.id_list())}
        parse, total = FORMATS[self.format], len(self.documents)
        blocks: list[tuple[np.ndarray, np.ndarray]] = []
        codes, scores = array("q"), array("f")
        read = foreign = 0
        first = ""
        for number, line in lines(self.path):
            read += 1
            try:
                query, found, values = parse(line)
            except ValueError as error:
                raise InputError(f"{self.path}:{number}: {error}") from None
            row = query_at.get(query, -1)
            places = [document_at.get(document, -1) for document in found]
            if row < 0 or -1 in places:
                foreign += 1
                stranger = f"document {found[places.index(-1)]!r}" if row >= 0 else ""
                first = first or f"line {number}, {stranger or f'query {query!r}'}"
            for place, value in zip(places, values, strict=True):
                if row >= 0 and place >= 0:
                    codes.append(row * total + place)
                    scores.append(value)
            if len(codes) >= BLOCK:
                blocks.append(self._settle(np.array(codes), np.array(scores)))
                codes, scores = array("q"), array("f")
        blocks.append((np.array(codes, dtype=np.int64), np.array(scores, dtype=np.float32)))
        left = sum(len(block) for block, _ in blocks)
        if foreign and not (self.skip and left):
            raise InputError(
                f"precomputed: {self.path}: {foreign:,} of {read:,} lines name a query or document "
                f"that training does not have (first: {first}); it takes scores of this "
                "collection's train queries, and leaves others out with unknown = 'skip'"
            )
        if not left:
            raise InputError(f"precomputed: {self.path}: it holds no scores")
        kept, settled = self._settle(*map(np.concatenate, zip(*blocks, strict=True)))
        return kept, settled, {"lines": read, "foreign": foreign, "pairs": len(kept)}

    def _settle(self, codes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each pair once, sorted, with its first score."""
        order = np.argsort(codes, kind="stable")
        codes, scores = codes[order], scores[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        kept = np.repeat(scores[starts], np.diff(starts, append=len(codes)))
        apart = np.abs(scores - kept) > self.tolerance
        if apart.any():
            place = int(apart.argmax())
            query, document = map(int, decode_pairs(codes[place], len(self.documents)))
            raise InputError(
                f"precomputed: {self.path}: query {self.queries.ids[query].as_py()!r} and document "
                f"{self.documents.ids[document].as_py()!r} have two scores, {kept[place]:g} and "
                f"{scores[place]:g}; leave one of them, or state a tolerance if that is rounding"
            )
        return codes[starts], scores[starts]
