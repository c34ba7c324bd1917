"""Ranking the dev and test queries with a student."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from bench.collections.base import Collection, Texts
from bench.context import Context
from bench.encoding.encoder import encode
from bench.encoding.tokens import Tokens
from bench.encoding.towers import Towers
from bench.evaluation.footprint import Footprint, footprint
from bench.evaluation.ranking import Ranking, from_frame, to_frame, without
from bench.evaluation.search import search
from bench.storage.artifacts import BuildReport
from bench.storage.files import save_array
from bench.students.base import Student
from bench.study.schema import Evaluation


class Evaluator:
    """Exact search for students of one kind over one collection.

    Args:
        student: says how each side is read.
        evaluation: how deep a ranking is, and how large the dev pool.
    """

    def __init__(self, context: Context, student: Student, evaluation: Evaluation) -> None:
        self.collection = context.collection
        self._context = context
        self._student = student
        self._evaluation = evaluation
        self._queries: dict[str, Tokens] = {}

    @cached_property
    def documents(self) -> Tokens:
        """Every document as the student reads it."""
        return self._student.document_config.tokens(
            self.collection.documents, self._context.artifacts
        )

    def queries(self, texts: Texts) -> Tokens:
        """These texts as the student reads queries."""
        if texts.fingerprint not in self._queries:
            self._queries[texts.fingerprint] = self._student.query_config.tokens(
                texts, self._context.artifacts
            )
        return self._queries[texts.fingerprint]

    def positions(self, part: str) -> np.ndarray:
        """The documents that are searched for this part: all that have a text, or for dev the
        stated pool."""
        if part != "dev" or not self._evaluation.pool:
            return self.collection.searchable
        return pool(self.collection, self._evaluation.pool)

    def rank(self, towers: Towers, part: str) -> Ranking:
        """The student's ranking of every query of the part."""
        return self.rank_parts(towers, [part])[part]

    def rank_parts(self, towers: Towers, parts: Sequence[str]) -> dict[str, Ranking]:
        """The same for several parts over the same documents, which are encoded once."""
        if not parts:
            return {}
        positions = self.positions(parts[0])
        vectors = self.document_vectors(towers, positions, "documents")
        ties = self.collection.documents.tie_order[positions]
        rankings = {}
        for part in parts:
            queries, depth = self.collection.part(part).queries, self._evaluation.depth
            asked = self._query_vectors(towers, self.queries(queries), f"{part} queries")
            left_out = self.collection.ignored(queries)
            found = search(asked, vectors, ties, depth + (left_out is not None), positions)
            rankings[part] = without(found, left_out, depth)
        return rankings

    def mine(self, towers: Towers, depth: int) -> Ranking:
        """The student's ranking of the trainable documents for every train query."""
        pool = self.collection.trainable
        vectors = self.document_vectors(towers, pool, "documents to mine")
        queries = self.collection.part("train").queries
        asked = self._query_vectors(towers, self.queries(queries), "queries to mine for")
        ties = self.collection.documents.tie_order[pool]
        found = search(asked, vectors, ties, depth + 1, pool)
        return without(found, self.collection.ignored(queries), depth)

    def _query_vectors(self, towers: Towers, tokens: Tokens, label: str) -> Tensor:
        everything = np.arange(len(tokens))
        return encode(towers.query_encoder, tokens, everything, self._context.device, label)

    def document_vectors(self, towers: Towers, positions: np.ndarray, label: str) -> Tensor:
        """These documents [n, d] as the student has them; a dot product is its similarity."""
        if towers.stored:
            return self._context.device.put(towers.stored.of(self.collection).at(positions))
        encoder = towers.of_documents()
        return encode(encoder, self.documents, positions, self._context.device, label)

    def indexed(self, towers: Towers) -> Tensor:
        """The vectors of all documents [n, d], encoded once for each student and kept."""
        everything = np.arange(len(self.collection.documents))
        if towers.stored or self._student.randomly_initialised:
            return self.document_vectors(towers, everything, "documents")

        def make(folder: Path) -> BuildReport:
            vectors = self.document_vectors(towers, everything, "documents")
            save_array(folder / "vectors.npy", vectors.cpu().numpy())
            return BuildReport(texts=len(vectors), device=self._context.device.label)

        specification = {
            **self._identity,
            "tokens": self.documents.artifact.digest,
            "precision": self._context.device.precision,
        }
        artifact = self._context.artifacts.get("index", specification, make)
        return self._context.device.put(np.load(artifact.folder / "vectors.npy"))

    @property
    def _identity(self) -> dict[str, Any]:
        """The student, as artifacts are told apart by."""
        return {"student": self._student.specification, "weights": self._student.weights()}

    def footprint(self, towers: Towers, trained: bool) -> Footprint:
        """What serving the student takes, measured on dev queries and on documents.

        Args:
            trained: whether training changed it.
        """
        queries = self.queries(self.collection.part("dev").queries)
        return footprint(towers, queries, self.documents, self._identity, self._context, trained)

    def untrained(self, part: str) -> Ranking:
        """The ranking of a student that draws nothing before training, once for all its runs."""

        def make(folder: Path) -> BuildReport:
            towers = self._context.device.place(self._student.build(self._context))
            to_frame(self.rank(towers, part), 0).to_parquet(folder / "ranking.parquet")
            return BuildReport(device=self._context.device.label)

        specification = {
            **self._identity,
            "collection": self.collection.whole,
            "part": part,
            "pool": self._evaluation.pool,
            "depth": self._evaluation.depth,
            "precision": self._context.device.precision,
        }
        artifact = self._context.artifacts.get("untrained-ranking", specification, make)
        return from_frame(pd.read_parquet(artifact.folder / "ranking.parquet"))


def pool(collection: Collection, others: int) -> np.ndarray:
    """The dev pool: every document judged for dev, and ``others`` of the rest, sorted."""
    judged = np.unique(collection.part("dev").judgements[:, 1])
    rest = np.setdiff1d(collection.searchable, judged)
    drawn = np.random.default_rng(0).permutation(rest)[:others]
    return np.intersect1d(np.concatenate([judged, drawn]), collection.searchable)
