"""The query side and the document side of a bi-encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from torch import nn

from bench.encoding.encoder import Encoder
from bench.losses.signals import Similarity
from bench.storage.artifacts import Artifact

if TYPE_CHECKING:
    from bench.collections.base import Collection


class Vectors(Protocol):
    """The vectors of a collection's documents."""

    def at(self, positions: np.ndarray) -> np.ndarray:
        """[n] documents → float32 [n, d]; a dot product is the similarity."""


class StoredVectors(Vectors, Protocol):
    """Vectors of documents that were encoded before training."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifacts that store them."""

    def of(self, collection: Collection) -> Vectors:
        """The vectors of this collection's documents, which may be another collection."""

    def encoder(self) -> Encoder:
        """The encoder that made them, to encode new documents; training never runs it."""


class Towers(nn.Module):
    """One encoder for both sides, one for each, or one for queries beside stored document vectors.

    Only what is trained belongs to the module, and thus to its parameters and checkpoints.

    Attributes:
        query_encoder: of queries, and of documents too if the other attributes are `None`.
        document_encoder: of documents alone; `None` if both sides share an encoder, or documents
            are stored.
        stored: the documents' vectors; `None` if an encoder of this student makes them.
    """

    def __init__(
        self,
        query_encoder: Encoder,
        document_encoder: Encoder | None = None,
        stored: StoredVectors | None = None,
    ) -> None:
        super().__init__()
        self.query_encoder = query_encoder
        self.document_encoder = document_encoder
        self.stored = stored

    @property
    def similarity(self) -> Similarity:
        return self.query_encoder.similarity

    @property
    def width(self) -> int:
        return self.query_encoder.width

    @property
    def shared(self) -> bool:
        """Whether one encoder reads both sides."""
        return self.document_encoder is None and self.stored is None

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """The trained encoders: one, or those of queries and of documents."""
        second = (self.document_encoder,) if self.document_encoder else ()
        return (self.query_encoder, *second)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifacts that the student is built from."""
        starts = [artifact for encoder in self.encoders for artifact in encoder.artifacts]
        return (*starts, *(self.stored.artifacts if self.stored else ()))

    def of_documents(self) -> Encoder:
        """The encoder of documents; loaded by this call if documents are stored."""
        if self.stored:
            return self.stored.encoder()
        return self.document_encoder or self.query_encoder
