"""Ranking the dev and test queries with an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from bench.artifacts import Artifacts, Made
from bench.collections.base import Collection, Texts
from bench.encoding.device import Device
from bench.encoding.encoder import Encoder, encode
from bench.encoding.models import load_tokenizer, tokenizer_digest, weights_digest
from bench.encoding.tokens import Tokens, tokenize
from bench.evaluation.ranking import Ranking, from_frame, to_frame
from bench.evaluation.search import search
from bench.students.base import Student
from bench.study import Evaluation


class Evaluator:
    """Exact search for students of one kind over one collection.

    Args:
        student: says which tokenizer and which lengths.
        evaluation: how deep a ranking is, and how large the dev pool.
    """

    def __init__(
        self,
        collection: Collection,
        student: Student,
        evaluation: Evaluation,
        artifacts: Artifacts,
        device: Device,
    ) -> None:
        self.collection = collection
        self._student = student
        self._evaluation = evaluation
        self._artifacts = artifacts
        self._device = device
        self._queries: dict[str, Tokens] = {}

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self._student.model)

    @cached_property
    def documents(self) -> Tokens:
        return self._tokens(self.collection.documents, self._student.max_length)

    def queries(self, texts: Texts) -> Tokens:
        """These texts at the length of queries."""
        if texts.fingerprint not in self._queries:
            length = self._student.query_length or self._student.max_length
            self._queries[texts.fingerprint] = self._tokens(texts, length)
        return self._queries[texts.fingerprint]

    def _tokens(self, texts: Texts, length: int) -> Tokens:
        identity = tokenizer_digest(self._student.model)
        return tokenize(texts, self._tokenizer, identity, length, self._artifacts)

    def positions(self, part: str) -> np.ndarray:
        """The documents that are searched for this part: all, or for dev the stated pool."""
        everything = np.arange(len(self.collection.documents))
        if part != "dev" or not self._evaluation.pool:
            return everything
        return pool(self.collection, self._evaluation.pool)

    def rank(self, encoder: Encoder, part: str) -> Ranking:
        """The encoder's ranking of every query of the part."""
        return self.rank_parts(encoder, [part])[part]

    def rank_parts(self, encoder: Encoder, parts: Sequence[str]) -> dict[str, Ranking]:
        """The same for several parts over the same documents, which are encoded once."""
        if not parts:
            return {}
        positions = self.positions(parts[0])
        vectors = encode(encoder, self.documents, positions, self._device, "documents")
        ties = self.collection.documents.tie_order[positions]
        rankings = {}
        for part in parts:
            tokens = self.queries(self.collection.part(part).queries)
            asked = encode(encoder, tokens, np.arange(len(tokens)), self._device, f"{part} queries")
            rankings[part] = search(asked, vectors, ties, self._evaluation.depth, positions)
        return rankings

    def mine(self, encoder: Encoder, depth: int) -> Ranking:
        """The encoder's ranking of the trainable documents for every train query."""
        pool = self.collection.trainable
        vectors = encode(encoder, self.documents, pool, self._device, "documents to mine")
        tokens = self.queries(self.collection.part("train").queries)
        asked = encode(encoder, tokens, np.arange(len(tokens)), self._device, "queries to mine for")
        return search(asked, vectors, self.collection.documents.tie_order[pool], depth, pool)

    def untrained(self, part: str) -> Ranking:
        """The ranking of the student before training, found once for all its runs."""

        def make(folder: Path) -> Made:
            encoder = self._student.build().to(self._device.place)
            to_frame(self.rank(encoder, part), 0).to_parquet(folder / "ranking.parquet")
            return Made(device=self._device.label)

        specification = {
            "student": self._student.specification,
            "weights": weights_digest(self._student.model),
            "collection": self.collection.fingerprint,
            "part": part,
            "pool": self._evaluation.pool,
            "depth": self._evaluation.depth,
            "precision": self._device.precision,
        }
        artifact = self._artifacts.get("untrained-ranking", specification, make)
        return from_frame(pd.read_parquet(artifact.folder / "ranking.parquet"))


def pool(collection: Collection, others: int) -> np.ndarray:
    """The dev pool: every document judged for dev, and ``others`` of the rest, sorted."""
    judged = np.unique(collection.part("dev").judgements[:, 1])
    rest = np.setdiff1d(np.arange(len(collection.documents)), judged)
    drawn = np.random.default_rng(0).permutation(rest)[:others]
    return np.sort(np.concatenate([judged, drawn]))
