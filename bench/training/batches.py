"""Batches made ready ahead of the step that needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bench.encoding.device import Device
from bench.encoding.encoder import Packed
from bench.encoding.tokens import Tokens
from bench.losses.signals import Signals
from bench.samplers.base import Draws, Triples
from bench.teachers.base import Teaching


@dataclass(frozen=True)
class Batch:
    """A batch of B triples, ready for the device.

    Attributes:
        packed: every distinct text of the batch once.
        queries, positives, negatives: rows of the packed texts: [B], [B], [B·K].
        texts, tokens: how much there is to encode.
    """

    triples: Triples
    packed: Packed
    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    signals: Signals
    texts: int
    tokens: int


@dataclass(frozen=True)
class BatchMaker:
    """Draws triples, looks up their tokens and the teacher's signals.

    Attributes:
        group_tokens: most padded tokens encoded at a time; 0 is what suits the device.
    """

    draws: Draws
    queries: Tokens
    documents: Tokens
    teaching: Teaching
    device: Device
    seed: int
    group_tokens: int = 0

    def make(self, start: int, stop: int) -> Batch:
        """The batch of examples ``start`` … ``stop - 1``."""
        triples = self.draws.batch(self.seed, start, stop)
        queries, query_rows = np.unique(triples.queries, return_inverse=True)
        drawn = np.concatenate([triples.positives, triples.negatives.ravel()])
        documents, document_rows = np.unique(drawn, return_inverse=True)
        document_rows = document_rows + len(queries)
        rows = self.queries.rows(queries) + self.documents.rows(documents)
        return Batch(
            triples=triples,
            packed=Packed.of(rows, self.documents.padding, self.device, self.group_tokens),
            queries=query_rows,
            positives=document_rows[: len(triples)],
            negatives=document_rows[len(triples) :],
            signals=self.teaching.signals(triples),
            texts=len(rows),
            tokens=sum(map(len, rows)),
        )


class Ahead:
    """Makes the next batch in a thread while the current one trains.

    A batch is a pure function of its position, so making one ahead changes nothing but the wait.
    """

    def __init__(self, make: Callable[[int, int], Batch], size: int, most: int | None) -> None:
        self._make = make
        self._size = size
        self._most = most
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def from_position(self, start: int) -> Iterator[Batch]:
        """Batches from example ``start`` on, up to the budget where examples bind it."""
        waiting = self._submit(start)
        while waiting is not None:
            batch = waiting.result()
            start += len(batch.triples)
            waiting = self._submit(start)
            yield batch

    def _submit(self, start: int) -> Future[Batch] | None:
        stop = start + self._size if self._most is None else min(start + self._size, self._most)
        return self._pool.submit(self._make, start, stop) if stop > start else None

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
