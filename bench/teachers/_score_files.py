"""Reads files of scores that were computed elsewhere into a table of pairs."""

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
"""Pairs that are read before repeated ones are removed."""


@dataclass(frozen=True)
class ScoreFile:
    """A file of scores of these queries and documents.

    Attributes:
        format: a key of `FORMATS`.
        skip: leave out lines with unknown queries or documents, instead of refusing the file.
        tolerance: how much two scores of one pair may differ; the first one is used.
    """

    path: Path
    format: str
    queries: Texts
    documents: Texts
    skip: bool = False
    tolerance: float = 0.0

    def read(self) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
        """(codes, scores, counts): int64 [n], sorted; float32 [n]; of lines and pairs.

        A code is query position · number of documents + document position.

        Raises:
            InputError: a line is malformed, lines have unknown ids (the error counts them), or a
                pair has two scores.
        """
        query_at = {id: at for at, id in enumerate(self.queries.id_list())}
        document_at = {id: at for at, id in enumerate(self.documents.id_list())}
        parse, total = FORMATS[self.format], len(self.documents)
        blocks: list[tuple[np.ndarray, np.ndarray]] = []
        codes, scores = array("q"), array("f")
        read = foreign = 0
        first = ""
        for number, line in lines(self.path):
            read += 1
            try:
                query, documents, values = parse(line)
            except ValueError as error:
                raise InputError(f"{self.path}:{number}: {error}") from None
            row = query_at.get(query, -1)
            columns = [document_at.get(document, -1) for document in documents]
            if row < 0 or -1 in columns:
                foreign += 1
                unknown = f"document {documents[columns.index(-1)]!r}" if row >= 0 else ""
                first = first or f"line {number}, {unknown or f'query {query!r}'}"
            for column, value in zip(columns, values, strict=True):
                if row >= 0 and column >= 0:
                    codes.append(row * total + column)
                    scores.append(value)
            if len(codes) >= BLOCK:
                blocks.append(self._deduplicate(np.array(codes), np.array(scores)))
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
        unique, first_scores = self._deduplicate(*map(np.concatenate, zip(*blocks, strict=True)))
        return unique, first_scores, {"lines": read, "foreign": foreign, "pairs": len(unique)}

    def _deduplicate(self, codes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each pair once, sorted, with its first score.

        Raises:
            InputError: two scores of a pair differ by more than the tolerance.
        """
        order = np.argsort(codes, kind="stable")
        codes, scores = codes[order], scores[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        kept = np.repeat(scores[starts], np.diff(starts, append=len(codes)))
        apart = np.abs(scores - kept) > self.tolerance
        if apart.any():
            at = int(apart.argmax())
            query, document = map(int, decode_pairs(codes[at], len(self.documents)))
            raise InputError(
                f"precomputed: {self.path}: query {self.queries.ids[query].as_py()!r} and document "
                f"{self.documents.ids[document].as_py()!r} have two scores, {kept[at]:g} and "
                f"{scores[at]:g}; leave one of them, or state a tolerance if that is rounding"
            )
        return codes[starts], scores[starts]
