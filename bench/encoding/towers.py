"""The two sides of a bi-encoder."""

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
    """Documents' vectors that are already there."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What they are kept in."""

    def of(self, collection: Collection) -> Vectors:
        """Those of the documents there, which may be another collection's."""

    def encoder(self) -> Encoder:
        """What made them, for documents to come; nothing of the training runs it."""


class Towers(nn.Module):
    """One encoder for both sides, one for each, or one for queries beside stored documents.

    Only what trains is a part of the module: its parameters, its state and its checkpoints.

    Attributes:
        query_encoder: of queries, and of documents too where nothing else is given.
        document_encoder: of documents alone; `None` where they share the other, or are stored.
        stored: the documents' vectors, where no encoder of the training makes them.
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
        """What trains: one, or those of queries and of documents."""
        second = (self.document_encoder,) if self.document_encoder else ()
        return (self.query_encoder, *second)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What had to be prepared for it, with its bills."""
        starts = [artifact for encoder in self.encoders for artifact in encoder.artifacts]
        return (*starts, *(self.stored.artifacts if self.stored else ()))

    def of_documents(self) -> Encoder:
        """What encodes a document; loaded now where documents are stored."""
        if self.stored:
            return self.stored.encoder()
        return self.document_encoder or self.query_encoder
