"""Rankings, the results of a search, and the files that they are stored in."""

from __future__ import annotations

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.collections.base import Collection
from bench.lazy import Library
from bench.storage.files import atomic, damaged

if TYPE_CHECKING:
    import torch
else:
    torch = Library("torch")

FAST = 1
"""gzip's level: the files become a quarter larger than by default, in a sixth of the time."""

QUERIES = 1024
"""Queries in each member of a gzip file."""


@dataclass(frozen=True)
class Ranking:
    """The best documents of each query, best first.

    Attributes:
        documents: int64 [queries, depth] positions; -1 where fewer were found.
        scores: float32 [queries, depth], descending along each row.
    """

    documents: np.ndarray
    scores: np.ndarray


def without(ranking: Ranking, left_out: np.ndarray | None, depth: int) -> Ranking:
    """The first ``depth`` documents of a ranking after removing one document of each query.

    Args:
        left_out: [queries] position of the document to remove, -1 for none; `None` removes nothing.
    """
    if left_out is None:
        return Ranking(ranking.documents[:, :depth], ranking.scores[:, :depth])
    gone = (ranking.documents == left_out[:, None]) & (left_out[:, None] >= 0)
    order = np.argsort(gone, axis=1, kind="stable")[:, :depth]  # removed documents go last
    last = np.take_along_axis(gone, order, axis=1)
    documents = np.take_along_axis(ranking.documents, order, axis=1)
    scores = np.take_along_axis(ranking.scores, order, axis=1)
    return Ranking(np.where(last, -1, documents), np.where(last, -np.inf, scores))


def write_trec(path: Path, ranking: Ranking, collection: Collection, part: str, tag: str) -> None:
    """Write a gzipped TREC run file; equal rankings give equal bytes."""
    names = collection.part(part).queries.ids, collection.documents.ids

    def member(start: int) -> bytes:
        rows = slice(start, start + QUERIES)
        found = Ranking(ranking.documents[rows], ranking.scores[rows])
        # No time stamp, so that equal rankings give equal files.
        return gzip.compress(_lines(found, names[0][rows], names[1], tag), FAST, mtime=0)

    # Neither pyarrow nor zlib holds the interpreter's lock.
    with (
        atomic(path) as aside,
        aside.open("wb") as file,
        ThreadPoolExecutor(torch.get_num_threads()) as pool,
    ):
        for written in pool.map(member, range(0, len(ranking.documents), QUERIES)):
            file.write(written)


def _lines(ranking: Ranking, queries: pa.Array, documents: pa.Array, tag: str) -> bytes | pa.Buffer:
    rows, columns = np.nonzero(ranking.documents >= 0)
    fields = [
        queries.take(pa.array(rows)),
        pa.scalar("Q0"),
        documents.take(pa.array(ranking.documents[rows, columns])),
        pa.array(columns + 1),
        # The shortest text that is read as the same float32.
        pa.array(ranking.scores[rows, columns]),
        pa.scalar(f"{tag}\n"),
        pa.scalar(" "),
    ]
    lines = pc.binary_join_element_wise(*(field.cast(pa.large_string()) for field in fields))
    if not len(lines):
        return b""
    _, starts, text = lines.buffers()  # all lines' characters, one after the other
    return text.slice(0, np.frombuffer(starts, np.int64)[len(lines)])


def read_trec(path: Path, collection: Collection, part: str) -> Ranking:
    """Read a file that `write_trec` wrote.

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
    depth = max((int(row[3]) for row in rows), default=1)  # 1 if no query found any document
    documents = np.full((len(at_query), depth), -1, dtype=np.int64)
    scores = np.full(documents.shape, -np.inf, dtype=np.float32)
    for query, _, document, rank, score, _ in rows:
        documents[at_query[query], int(rank) - 1] = at_document[document]
        scores[at_query[query], int(rank) - 1] = float(score)
    return Ranking(documents, scores)


def to_frame(ranking: Ranking, point: int) -> pd.DataFrame:
    """One row per query: point, query, its documents in order (without scores)."""
    return pd.DataFrame(
        {
            "point": point,
            "query": np.arange(len(ranking.documents)),
            "documents": list(ranking.documents.astype(np.int32)),
        }
    )


def from_frame(rows: pd.DataFrame) -> Ranking:
    """The ranking of one point from `to_frame`'s rows; scores only express the order."""
    documents = np.stack(rows.sort_values("query")["documents"].to_list()).astype(np.int64)
    order = np.arange(documents.shape[1], 0, -1, dtype=np.float32)
    return Ranking(documents, np.broadcast_to(order, documents.shape))
