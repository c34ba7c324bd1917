"""What samplers rank with: BM25, or a teacher that can search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench import encoding, evaluation, teachers
from bench.context import Context
from bench.errors import InputError
from bench.evaluation.ranking import Ranking, without
from bench.triples.ranked import BM25_NAME, Ranker, bm25

if TYPE_CHECKING:
    from bench.teachers import LoadedTeacher


def ranker(context: Context, by: str) -> Ranker:
    """BM25, or a bi-encoder teacher, written as anywhere else.

    Raises:
        InputError: a teacher that cannot search.
    """
    if by == BM25_NAME:
        return bm25(context)
    loaded = searching(context, by)
    needs = (*loaded.tokenized.artifacts, *loaded.artifacts)
    return Ranker(by, loaded.specification, lambda depth: _search(context, loaded, depth), needs)


def searching(context: Context, by: str) -> LoadedTeacher:
    """A bi-encoder teacher, ready to search with.

    Raises:
        InputError: another kind of teacher.
    """
    return search_teacher(by).loaded(context.collection.part("train").queries, context)


def search_teacher(by: str) -> teachers.BiEncoder:
    """The bi-encoder teacher that is written so.

    Raises:
        InputError: another kind of teacher.
    """
    teacher = teachers.create(by)
    if not isinstance(teacher, teachers.BiEncoder):
        raise InputError(f"by = {by!r}: {teacher.name} cannot search; use bm25 or a bi-encoder")
    return teacher


def _search(context: Context, loaded: LoadedTeacher, depth: int) -> Ranking:
    """A bi-encoder's ranking of the train documents for each train query."""
    scorer, tokenized, pool = loaded.scorer, loaded.tokenized, context.collection.trainable
    assert isinstance(scorer, teachers.BiScorer)
    everything = np.arange(len(tokenized.texts))
    asked = encoding.encode(
        scorer.encoder, tokenized.queries, everything, context.device, "queries to mine for"
    )
    found = encoding.encode(
        scorer.encoder, tokenized.documents, pool, context.device, "documents to mine"
    )
    ties = context.collection.documents.tie_order[pool]
    ranking = evaluation.search(asked, found, ties, depth + 1, pool)
    return without(ranking, context.collection.ignored(tokenized.texts), depth)
