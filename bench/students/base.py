"""What every student architecture must say and build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from bench.losses.signals import Similarity
from bench.registry import Entry

if TYPE_CHECKING:
    from bench.encoding.encoder import Encoder


@dataclass(frozen=True)
class Student(Entry):
    """The bi-encoder being trained: a frozen description that builds the encoder.

    Attributes:
        model: the encoder it starts from: the bundled one's name, a folder, or a hub id.
        pooling: how token states become one vector.
        similarity: how two vectors are compared; losses are handed it.
        max_length: most tokens of a document, special tokens included.
        query_length: the same of a query; 0 means as for documents.
    """

    model: str = "all-MiniLM-L6-v2"
    pooling: Literal["mean", "cls", "max"] = "mean"
    similarity: Similarity = "cosine"
    max_length: Annotated[int, Ge(4)] = 256
    query_length: Annotated[int, Ge(0)] = 0

    def build(self) -> Encoder:
        """The untrained student."""
        raise NotImplementedError
