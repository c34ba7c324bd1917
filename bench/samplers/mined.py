"""Hard negatives from a ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from bench import samplers, triples
from bench.miniature import AtMost
from bench.registry import EntryText
from bench.samplers.base import Sampler
from bench.teachers import registry as teacher_registry
from bench.triples.stream import TripleStream

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers.base import Teacher

STUDENT = "student"


@samplers.register("mined", version=2)
@dataclass(frozen=True)
class Mined(Sampler):
    """Negatives drawn from a ranking of the train documents, ranks ``first`` to ``last``.

    ``by`` is what ranks: ``bm25``; a bi-encoder teacher, written as anywhere else; or
    ``student``, the student being trained, which ranks anew at the first step and every
    ``refresh`` steps (ANCE, arXiv 2007.00808), at a cost that is charged. Documents judged
    relevant for the query are left out before ranks are counted. With a ``margin``, documents
    that score above the query's best-ranked positive less the margin are left out too, in the
    ranker's units (cf. arXiv 2407.15831). If fewer than K remain, the rest is drawn uniformly.
    Mining is an artifact with a bill.
    """

    by: Annotated[str, EntryText(teacher_registry)] = "bm25"
    first: Annotated[int, Ge(1)] = 1
    last: Annotated[int, Ge(1)] = 50
    margin: float | None = None
    refresh: Annotated[int, Ge(0), AtMost(1)] = 0

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is after last ({self.last})")
        if (self.by == STUDENT) != (self.refresh > 0):
            raise ValueError("refresh (in steps) goes with by = 'student', and only with it")

    def teachers(self) -> list[Teacher]:
        return [] if self.by in (triples.BM25_NAME, STUDENT) else [samplers.search_teacher(self.by)]

    def prepare(self, context: Context) -> TripleStream:
        count, first, last, margin = self.negatives, self.first, self.last, self.margin
        if self.by == STUDENT:
            return triples.SelfMinedStream(context, count, first, last, margin, self.refresh)
        return triples.mined_stream(
            context, samplers.ranker(context, self.by), count, first, last, margin
        )
