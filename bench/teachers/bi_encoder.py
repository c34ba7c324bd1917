"""A bi-encoder as teacher: its similarities, from stored embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from bench import teachers
from bench.losses.signals import Signal, Similarity
from bench.teachers.base import Teacher, Teaching

if TYPE_CHECKING:
    from bench.lab import Lab
    from bench.samplers.base import Demand
    from bench.students.base import Student


@teachers.register("bi-encoder", version=1)
@dataclass(frozen=True)
class BiEncoder(Teacher):
    """A pretrained bi-encoder taken as it is: a hub id, a folder, or the bundled encoder.

    Scores are its similarities: cosines in [-1, 1], or dot products; embeddings have length 1 where
    that is the cosine. Of every train query and every document that training can draw, what the
    loss needs is encoded once, before the first step: a fixed cost. Its own training is not priced.
    """

    model: str = "all-MiniLM-L6-v2"
    pooling: Literal["mean", "cls", "max"] = "mean"
    similarity: Similarity = "cosine"
    max_length: Annotated[int, Ge(4)] = 256
    query_length: Annotated[int, Ge(0)] = 0

    def provides(self) -> frozenset[Signal]:
        return frozenset(Signal)

    def prepare(self, needs: frozenset[Signal], demand: Demand, lab: Lab) -> Teaching:
        from bench.teachers._stored import StoredEmbeddings

        return StoredEmbeddings.of(self.retriever(), needs, demand.draws.queries, lab)

    def weights(self) -> str:
        from bench.encoding.models import weights_digest

        return weights_digest(self.model)

    def retriever(self) -> Student:
        from bench import students

        return students.create({"name": "pretrained", **self.options})

    def unpriced(self) -> str:
        return f"the training of {self.model}"
