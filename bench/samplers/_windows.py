"""The best-ranked negatives of each train query, by whatever ranks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench import teachers
from bench.artifacts import Artifact, Made
from bench.errors import InputError
from bench.evaluation.bm25 import BM25
from bench.evaluation.ranking import Ranking, without
from bench.files import save_array
from bench.lab import Lab
from bench.progress import say_once

if TYPE_CHECKING:
    from bench.teachers.bi_encoder import BiEncoder
    from bench.teaching.tunable import Ready

BM25_NAME = "bm25"


def window(lab: Lab, by: str, last: int, margin: float | None) -> tuple[np.ndarray, Artifact]:
    """([train queries, last] positions of negatives, best first, -1 where fewer; the artifact).

    Args:
        by: ``bm25``, or a teacher that can search, written as anywhere else.
        margin: leave out what scores above the query's best positive less this: it may be
            relevant. `None` leaves nothing out.

    Raises:
        InputError: a teacher that cannot search.
    """
    ready = None if by == BM25_NAME else searching(lab, by)
    specification = {
        "collection": lab.collection.fingerprint,
        "by": ready.specification if ready else by,
        "last": last,
        "margin": margin,
    }

    def make(folder: Path) -> Made:
        train = lab.collection.part("train")
        depth = last + int(np.bincount(train.relevant()[:, 0]).max())
        ranking = embedded(lab, ready, depth) if ready else lexical(lab, depth)
        save_array(folder / "ranks.npy", negatives(train.relevant(), ranking, last, margin))
        return Made(texts=len(lab.collection.documents) + len(train.queries))

    needs = (*ready.reading.artifacts, *ready.artifacts) if ready else ()
    artifact = lab.artifacts.get("mined-negatives", specification, make, needs)
    ranks = np.load(artifact.folder / "ranks.npy", mmap_mode="r")
    if bare := int((ranks[:, 0] < 0).sum()):
        say_once(
            f"negatives by {by}: it finds none for {bare:,} of {len(ranks):,} train queries; "
            "theirs are drawn uniformly"
        )
    return ranks, artifact


def searching(lab: Lab, by: str) -> Ready:
    """A bi-encoder teacher, ready to search with.

    Raises:
        InputError: another kind of teacher.
    """
    return search_teacher(by).ready(lab.collection.part("train").queries, lab)


def search_teacher(by: str) -> BiEncoder:
    """The bi-encoder teacher that is written so.

    Raises:
        InputError: another kind of teacher.
    """
    from bench.teachers.bi_encoder import BiEncoder

    teacher = teachers.create(by)
    if not isinstance(teacher, BiEncoder):
        raise InputError(f"by = {by!r}: {teacher.name} cannot search; use bm25 or a bi-encoder")
    return teacher


def lexical(lab: Lab, depth: int) -> Ranking:
    """BM25's ranking of the train documents for each train query."""
    return BM25(lab.collection, lab.collection.trainable).rank(
        lab.collection.part("train").queries, depth
    )


def embedded(lab: Lab, ready: Ready, depth: int) -> Ranking:
    """A bi-encoder's ranking of the same."""
    from bench.encoding.encoder import encode
    from bench.evaluation.search import search
    from bench.teaching.scorers import BiScorer

    scorer, reading, pool = ready.scorer, ready.reading, lab.collection.trainable
    assert isinstance(scorer, BiScorer)
    everything = np.arange(len(reading.texts))
    asked = encode(scorer.encoder, reading.queries, everything, lab.device, "queries to mine for")
    found = encode(scorer.encoder, reading.documents, pool, lab.device, "documents to mine")
    ties = lab.collection.documents.tie_order[pool]
    ranking = search(asked, found, ties, depth + 1, pool)
    return without(ranking, lab.collection.ignored(reading.texts), depth)


def negatives(
    relevant: np.ndarray, ranking: Ranking, last: int, margin: float | None = None
) -> np.ndarray:
    """The first ``last`` documents of each query's ranking that are not judged relevant for it.

    Args:
        relevant: int64 [n, 2]: (query, document) positions.
    """
    judged: list[set[int]] = [set() for _ in range(len(ranking.documents))]
    for query, document in relevant.tolist():
        judged[query].add(document)
    kept = np.full((len(ranking.documents), last), -1, dtype=np.int64)
    rows = zip(ranking.documents.tolist(), ranking.scores.tolist(), strict=True)
    for query, (documents, scores) in enumerate(rows):
        ceiling = np.inf
        if margin is not None:
            best = [s for d, s in zip(documents, scores, strict=True) if d in judged[query]]
            ceiling = max(best, default=np.inf) - margin
        row = [
            document
            for document, score in zip(documents, scores, strict=True)
            if document >= 0 and document not in judged[query] and score <= ceiling
        ][:last]
        kept[query, : len(row)] = row
    return kept
