"""A late-interaction teacher's token vectors: stored once, compared while training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.encoding.tokens import Tokens
from bench.losses.signals import Signal, Signals
from bench.optimization.warming import rehearsal_seconds
from bench.progress import narrate
from bench.storage.artifacts import Artifact, shard
from bench.storage.files import save_array
from bench.teachers._encoded_texts import WARMING, store_texts
from bench.teachers._loaded_teacher import LoadedTeacher
from bench.teachers._scorers import LateScorer, max_sim
from bench.triples.stream import Triples

SHARD = 2048
"""Texts per file while encoding; a killed process continues after its last complete file."""


@dataclass(frozen=True)
class TokenEmbeddingTable:
    """Token vectors of some texts.

    Attributes:
        vectors: float16 [tokens, d], all texts concatenated.
        starts: int64 [n+1], where each encoded text starts, and where the last one ends.
        rows: for each position the index of its text in ``starts``; -1 if it was not encoded.
    """

    vectors: np.ndarray
    starts: np.ndarray
    rows: np.ndarray
    artifact: Artifact

    def at(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        """[n] positions → vectors [n, length, d] padded with zeros, and their mask [n, length]."""
        rows = self.rows[positions]
        lengths = self.starts[rows + 1] - self.starts[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        vectors = np.zeros((*mask.shape, self.vectors.shape[1]), dtype=np.float32)
        for at, row in enumerate(rows):
            vectors[at, : lengths[at]] = self.vectors[self.starts[row] : self.starts[row + 1]]
        return torch.from_numpy(vectors), torch.from_numpy(mask)


@dataclass(frozen=True)
class TokenSignals:
    """A late-interaction teacher's signals, computed from stored token vectors."""

    needs: frozenset[Signal]
    loaded: LoadedTeacher
    queries: TokenEmbeddingTable
    documents: TokenEmbeddingTable

    width = 0

    @classmethod
    def of(cls, loaded: LoadedTeacher, needs: frozenset[Signal]) -> TokenSignals:
        """Encode the texts that training can draw, or open the artifacts."""
        context, tokenized = loaded.tokenized.context, loaded.tokenized
        drawable = context.collection.drawable()
        everything = np.arange(len(tokenized.texts))
        fingerprint = tokenized.texts.fingerprint
        queries = store(loaded, "queries", fingerprint, tokenized.queries, everything)
        fingerprint = context.collection.documents.fingerprint
        documents = store(loaded, "documents", fingerprint, tokenized.documents, drawable)
        return cls(needs, loaded, queries, documents)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return (self.queries.artifact, self.documents.artifact)

    @torch.no_grad()
    def signals(self, triples: Triples) -> Signals:
        device = self.loaded.tokenized.context.device.torch
        queries = [part.to(device) for part in self.queries.at(triples.queries)]
        documents = [part.to(device) for part in self.documents.at(triples.documents.ravel())]
        size, count = len(triples), triples.documents.shape[1]
        scores = in_batch = None
        if Signal.IN_BATCH in self.needs:
            rows = [
                max_sim(vectors[None], mask[None], *documents)
                for vectors, mask in zip(*queries, strict=True)
            ]
            in_batch = torch.cat(rows).view(size, size, count).cpu()
        if Signal.SCORES in self.needs:
            own = [part.view(size, count, *part.shape[1:]) for part in documents]
            rows = [
                max_sim(vectors[None], mask[None], *triple)
                for vectors, mask, *triple in zip(*queries, *own, strict=True)
            ]
            scores = torch.cat(rows).cpu()
        return Signals(scores=scores, in_batch=in_batch)


def store(
    loaded: LoadedTeacher, side: str, fingerprint: str, tokens: Tokens, positions: np.ndarray
) -> TokenEmbeddingTable:
    """The token vectors of the texts at these positions, from the artifact or encoded now."""
    device = loaded.tokenized.context.device

    def write(folder: Path) -> float:
        parts = []
        some = partial(read, tokens.rows(positions[:WARMING]))
        warming = rehearsal_seconds(some, device)
        for number, start in enumerate(range(0, len(positions), SHARD)):
            narrate(f"{loaded.teacher.name} encodes {side}: {start:,} of {len(positions):,}")
            rows = tokens.rows(positions[start : start + SHARD])
            parts.append(shard(folder, f"part-{number:06d}", partial(encode, rows)))
        save_array(folder / "vectors.npy", np.concatenate(parts))
        starts = np.concatenate([[0], np.cumsum(tokens.lengths(positions))])
        save_array(folder / "starts.npy", starts)
        for path in folder.glob("part-*.npy"):
            path.unlink()
        return warming

    @torch.inference_mode()
    def read(rows: list[np.ndarray]) -> Tensor:
        scorer = loaded.scorer
        assert isinstance(scorer, LateScorer)
        vectors, mask = scorer.vectors(rows, device)
        return vectors[mask]

    def encode(rows: list[np.ndarray]) -> np.ndarray:
        return read(rows).cpu().numpy().astype(np.float16)

    artifact, rows = store_texts(
        "teacher-token-vectors", loaded, side, fingerprint, tokens, positions, write
    )
    vectors = np.load(artifact.folder / "vectors.npy", mmap_mode="r")
    return TokenEmbeddingTable(vectors, np.load(artifact.folder / "starts.npy"), rows, artifact)
