"""TAS-Balanced: batches of queries of one topic, with pairs balanced over a teacher's margins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from bench import samplers, teachers
from bench.registry import EntryText
from bench.samplers.base import Sampler
from bench.teachers import registry as teacher_registry
from bench.triples.stream import TripleStream

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers.base import Teacher


@samplers.register("topic-balanced", version=1)
@dataclass(frozen=True)
class TopicBalanced(Sampler):
    """Each batch draws its queries from one cluster, and pairs evenly over bins of margin.

    Train queries are clustered once, by k-means on the embeddings of ``topics_by``, a bi-encoder
    teacher. A batch takes a random cluster and draws queries from it without repeats; if the
    cluster is too small for the batch, another follows. For each query, the teacher ``margins_by``
    gives the margins t(q,p) − t(q,n) of its positives over BM25's first ``last`` negatives. Their
    range is cut into ``bins`` of equal width. A bin that is not empty is drawn, then one of its
    pairs; for K > 1, further negatives of the same positive are drawn in the same way. Clustering
    and scoring are artifacts, due before the first step; an arm whose teacher is ``margins_by``
    uses the same scores.
    Source: arXiv 2104.06967 (TAS-B), sec. 3; 10 bins, batch 32 (256) and 2,000 clusters of 400,000
    queries there.
    Departs: negatives are BM25's first instead of those of the published triples.
    """

    clusters: Annotated[int, Ge(1)] = 50
    bins: Annotated[int, Ge(1)] = 10
    last: Annotated[int, Ge(1)] = 30
    topics_by: Annotated[str, EntryText(teacher_registry)] = "bi-encoder"
    margins_by: Annotated[str, EntryText(teacher_registry)] = "cross-encoder"

    def teachers(self) -> list[Teacher]:
        return [samplers.search_teacher(self.topics_by), teachers.create(self.margins_by)]

    def prepare(self, context: Context) -> TripleStream:
        return samplers.BalancedStream.of(self, context)
