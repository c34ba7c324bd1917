"""The rankers that samplers mine negatives with: BM25, or a bi-encoder teacher."""

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
    """The ranker that ``by`` names: ``bm25``, or a bi-encoder teacher with its options.

    Raises:
        InputError: it is another kind of teacher.
    """
    if by == BM25_NAME:
        return bm25(context)
    loaded = load_search_teacher(context, by)
    needs = (*loaded.tokenized.artifacts, *loaded.artifacts)
    return Ranker(by, loaded.specification, lambda depth: _search(context, loaded, depth), needs)


def load_search_teacher(context: Context, by: str) -> LoadedTeacher:
    """The bi-encoder teacher that ``by`` names, loaded for the train queries.

    Raises:
        InputError: it is another kind of teacher.
    """
    return search_teacher(by).load(context.collection.part("train").queries, context)


def search_teacher(by: str) -> teachers.BiEncoder:
    """The bi-encoder teacher that ``by`` names.

    Raises:
        InputError: it is another kind of teacher.
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
    queries = encoding.encode(
        scorer.encoder, tokenized.queries, everything, context.device, "queries to mine for"
    )
    documents = encoding.encode(
        scorer.encoder, tokenized.documents, pool, context.device, "documents to mine"
    )
    ties = context.collection.documents.tie_order[pool]
    ranking = evaluation.search(queries, documents, ties, depth + 1, pool)
    return without(ranking, context.collection.ignored(tokenized.texts), depth)
