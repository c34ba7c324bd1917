"""Rankings: what a search found, and the files they are kept in."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.collections.base import Collection
from bench.storage.files import atomic, damaged


@dataclass(frozen=True)
class Ranking:
    """The best documents of each query, best first.

    Attributes:
        documents: int64 [queries, depth] positions; -1 where fewer were found.
        scores: float32 [queries, depth], falling along each row.
    """

    documents: np.ndarray
    scores: np.ndarray


def without(ranking: Ranking, left_out: np.ndarray | None, depth: int) -> Ranking:
    """The ranking, at most ``depth`` deep, less one document of each query.

    Args:
        left_out: [queries] position of that document, -1 for none; `None` leaves nothing out.
    """
    if left_out is None:
        return Ranking(ranking.documents[:, :depth], ranking.scores[:, :depth])
    gone = (ranking.documents == left_out[:, None]) & (left_out[:, None] >= 0)
    order = np.argsort(gone, axis=1, kind="stable")[:, :depth]  # what goes, goes last
    last = np.take_along_axis(gone, order, axis=1)
    documents = np.take_along_axis(ranking.documents, order, axis=1)
    scores = np.take_along_axis(ranking.scores, order, axis=1)
    return Ranking(np.where(last, -1, documents), np.where(last, -np.inf, scores))


def write_trec(path: Path, ranking: Ranking, collection: Collection, part: str, tag: str) -> None:
    """A gzipped TREC run file; the same ranking gives the same bytes."""
    queries = collection.part(part).queries.id_list()
    documents = collection.documents.id_list()
    lines = [
        f"{queries[query]} Q0 {documents[document]} {rank} {score:.9g} {tag}\n"
        for query, (found, scores) in enumerate(
            zip(ranking.documents.tolist(), ranking.scores.tolist(), strict=True)
        )
        for rank, (document, score) in enumerate(zip(found, scores, strict=True), start=1)
        if document >= 0
    ]
    with atomic(path) as aside:
        # No time stamp inside, so that equal runs are equal files.
        aside.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def read_trec(path: Path, collection: Collection, part: str) -> Ranking:
    """The inverse of `write_trec`.

    Raises:
        InputError: the file is damaged.
    """
    try:
        return _read_trec(path, collection, part)
    except (OSError, EOFError, zlib.error, ValueError, LookupError) as error:
        mend = f"delete {path.parent}, and `bench run` makes the run again"
        raise damaged(path, error, mend) from error


def _read_trec(path: Path, collection: Collection, part: str) -> Ranking:
    at_query = {id: at for at, id in enumerate(collection.part(part).queries.id_list())}
    at_document = {id: at for at, id in enumerate(collection.documents.id_list())}
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = [line.split() for line in stream]
    depth = max((int(row[3]) for row in rows), default=1)  # nothing was found for any query
    documents = np.full((len(at_query), depth), -1, dtype=np.int64)
    scores = np.full(documents.shape, -np.inf, dtype=np.float32)
    for query, _, document, rank, score, _ in rows:
        documents[at_query[query], int(rank) - 1] = at_document[document]
        scores[at_query[query], int(rank) - 1] = float(score)
    return Ranking(documents, scores)


def to_frame(ranking: Ranking, point: int) -> pd.DataFrame:
    """A row a query: point, query, its documents in order (scores are not kept)."""
    return pd.DataFrame(
        {
            "point": point,
            "query": np.arange(len(ranking.documents)),
            "documents": list(ranking.documents.astype(np.int32)),
        }
    )


def from_frame(rows: pd.DataFrame) -> Ranking:
    """The inverse of `to_frame` for one point; scores are the order alone."""
    documents = np.stack(rows.sort_values("query")["documents"].to_list()).astype(np.int64)
    order = np.arange(documents.shape[1], 0, -1, dtype=np.float32)
    return Ranking(documents, np.broadcast_to(order, documents.shape))
