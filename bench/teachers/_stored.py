"""Embeddings of the training texts, stored once and looked up in the loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.artifacts import Artifact, Artifacts, Made
from bench.collections.base import Collection
from bench.encoding.device import Device
from bench.encoding.encoder import encode
from bench.encoding.models import load_tokenizer, tokenizer_digest, weights_digest
from bench.encoding.tokens import tokenize
from bench.losses.base import Signals
from bench.samplers.base import Triples
from bench.students.base import Student


@dataclass(frozen=True)
class StoredEmbeddings:
    """Vectors (float32, memory-mapped) whose dot product is the teacher's similarity.

    Attributes:
        queries: [train queries, d].
        documents: [documents that training can draw, d].
        rows: the row of ``documents`` for each document position; -1 where it was not encoded.
    """

    queries: np.ndarray
    documents: np.ndarray
    rows: np.ndarray
    artifacts: tuple[Artifact, ...]

    @classmethod
    def of(
        cls, retriever: Student, collection: Collection, artifacts: Artifacts, device: Device
    ) -> StoredEmbeddings:
        """Encode what training can draw, or open it where that has been done."""
        train = collection.part("train")
        drawn = np.union1d(collection.trainable, train.relevant()[:, 1])
        if collection.triples is not None:
            drawn = np.union1d(drawn, collection.triples[:, 1:])
        tokenizer, identity = load_tokenizer(retriever.model), tokenizer_digest(retriever.model)
        documents = tokenize(
            collection.documents, tokenizer, identity, retriever.max_length, artifacts
        )
        query_length = retriever.query_length or retriever.max_length
        queries = tokenize(train.queries, tokenizer, identity, query_length, artifacts)

        def make(folder: Path) -> Made:
            encoder = retriever.build().to(device.place)
            everything = np.arange(len(queries))
            for name, tokens, positions in (
                ("queries", queries, everything),
                ("documents", documents, drawn),
            ):
                vectors = encode(encoder, tokens, positions, device, f"the teacher's {name}")
                np.save(folder / f"{name}.npy", vectors.cpu().numpy())
            np.save(folder / "drawn.npy", drawn)
            return Made(
                texts=len(queries) + len(drawn),
                tokens=int(queries.lengths(everything).sum() + documents.lengths(drawn).sum()),
                device=device.label,
            )

        specification = {
            "collection": collection.fingerprint,
            "encoder": retriever.specification,
            "weights": weights_digest(retriever.model),
            "precision": device.precision,
        }
        needs = (documents.artifact, queries.artifact)
        stored = artifacts.get("teacher-embeddings", specification, make, needs)
        rows = np.full(len(collection.documents), -1, dtype=np.int64)
        known = np.load(stored.folder / "drawn.npy")
        rows[known] = np.arange(len(known))
        return cls(
            np.load(stored.folder / "queries.npy", mmap_mode="r"),
            np.load(stored.folder / "documents.npy", mmap_mode="r"),
            rows,
            (stored,),
        )

    def signals(self, triples: Triples) -> Signals:
        import torch

        documents = np.concatenate([triples.positives[:, None], triples.negatives], axis=1)
        vectors = self.documents[self.rows[documents]]
        scores = np.einsum("bd,bkd->bk", self.queries[triples.queries], vectors)
        return Signals(scores=torch.from_numpy(scores))
