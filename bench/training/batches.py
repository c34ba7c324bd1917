"""Batches, made ahead of the step that needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from bench.encoding.device import Device
from bench.encoding.encoder import Encoder
from bench.encoding.packed import AnyPacked, Joined, Padded
from bench.encoding.tokens import Tokens
from bench.encoding.towers import Towers
from bench.losses.signals import Signals
from bench.teachers.base import SignalSource
from bench.triples.stream import Triples, TripleStream


@dataclass(frozen=True)
class Batch:
    """A batch of B triples, ready for the device.

    Attributes:
        packed: for each of the student's encoders, every distinct text it has to encode once.
        stored: vectors [m, d] of the batch's distinct documents, where they are not encoded.
        queries, positives, negatives: rows of what is encoded and stored, one after the other:
            [B], [B], [B·K].
        texts: how many there are to encode.
        tokens: how many each encoder has to.
    """

    triples: Triples
    packed: tuple[AnyPacked, ...]
    stored: Tensor | None
    queries: Tensor
    positives: Tensor
    negatives: Tensor
    signals: Signals
    texts: int
    tokens: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.triples)


@dataclass(frozen=True)
class BatchMaker:
    """Draws triples, looks up their tokens and the teacher's signals.

    Attributes:
        documents: their tokens; `None` where the student has their vectors stored.
        group_tokens: most padded tokens encoded at a time; 0 is what suits the device.
    """

    stream: TripleStream
    towers: Towers
    queries: Tokens
    documents: Tokens | None
    signal_source: SignalSource
    device: Device
    seed: int
    group_tokens: int = 0

    def make(self, start: int, stop: int) -> Batch:
        """The batch of examples ``start`` … ``stop - 1``."""
        triples = self.stream.batch(self.seed, start, stop)
        queries, query_rows = np.unique(triples.queries, return_inverse=True)
        drawn = np.concatenate([triples.positives, triples.negatives.ravel()])
        documents, document_rows = np.unique(drawn, return_inverse=True)
        document_rows = document_rows + len(queries)
        texts = self._texts(queries, documents)
        stored, stage = self.towers.stored, self.device.stage
        return Batch(
            triples=triples,
            packed=tuple(
                encoder.pack(rows, padding, self.device, self.group_tokens)
                for encoder, (rows, padding) in zip(self.towers.encoders, texts, strict=True)
            ),
            stored=stage(stored.at(documents)) if stored else None,
            queries=stage(query_rows),
            positives=stage(document_rows[: len(triples)]),
            negatives=stage(document_rows[len(triples) :]),
            signals=each(self.signal_source.signals(triples), stage),
            texts=sum(len(rows) for rows, _ in texts),
            tokens=tuple(sum(map(len, rows)) for rows, _ in texts),
        )

    def trials(self, size: int, negatives: int) -> list[Iterator[Padded | Joined]]:
        """For each of the student's encoders, padding in every shape that a pass of it may have.

        Args:
            size: triples of a batch.
            negatives: of a triple.
        """
        documents = 0 if self.documents is None else size * (1 + negatives)
        sides = [(self.queries, size), (self.documents, documents)]
        if self.towers.shared:
            longest = max(tokens.longest for tokens, _ in sides if tokens)
            return [self._trials(self.towers.encoders[0], size + documents, longest)]
        asked = [(tokens, count) for tokens, count in sides if tokens]
        return [
            self._trials(encoder, count, tokens.longest)
            for encoder, (tokens, count) in zip(self.towers.encoders, asked, strict=True)
        ]

    def _trials(self, encoder: Encoder, texts: int, longest: int) -> Iterator[Padded | Joined]:
        return encoder.trials(texts, longest, self.device, self.group_tokens)

    def _texts(
        self, queries: np.ndarray, documents: np.ndarray
    ) -> list[tuple[list[np.ndarray], int]]:
        """What each of the student's encoders has to encode: token rows, and their padding id."""
        asked = self.queries.rows(queries)
        if self.documents is None:
            return [(asked, self.queries.padding)]
        found = self.documents.rows(documents)
        if self.towers.shared:
            return [(asked + found, self.documents.padding)]
        return [(asked, self.queries.padding), (found, self.documents.padding)]


def each(signals: Signals, change: Callable[[Tensor], Tensor]) -> Signals:
    """The signals with every tensor changed."""
    given = {name: change(value) for name, value in vars(signals).items() if value is not None}
    return Signals(**given)


class Prefetcher:
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
            start += len(batch)
            waiting = self._submit(start)
            yield batch

    def _submit(self, start: int) -> Future[Batch] | None:
        stop = start + self._size if self._most is None else min(start + self._size, self._most)
        return self._pool.submit(self._make, start, stop) if stop > start else None

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
