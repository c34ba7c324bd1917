"""Mixes two streams of triples, with a fixed share of the second."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.collections.base import Texts
from bench.storage.files import digest
from bench.triples.stream import Triples, TripleStream


class MixedStream:
    """Of the first n examples ⌊share · n⌋ come from ``second``, the others from ``first``.

    Both streams refer to the same list of queries. What one stream draws does not depend on the
    other.
    """

    all_pairs = None

    def __init__(self, first: TripleStream, second: TripleStream, share: float) -> None:
        self.queries = first.queries
        self.artifacts = (*first.artifacts, *second.artifacts)
        self._first, self._second, self._share = first, second, share

    def batch(self, seed: int, start: int, stop: int) -> Triples:
        before = np.floor(np.arange(start, stop + 1) * self._share).astype(np.int64)
        begin, end = int(before[0]), int(before[-1])
        one = self._first.batch(seed, start - begin, stop - end)
        # A seed of its own, or both streams would draw in the same order.
        own = int(np.random.SeedSequence([seed, SECOND]).generate_state(1, np.uint64)[0])
        two = self._second.batch(own, begin, end)
        # The row of each example in `one` followed by `two`.
        places = np.argsort(np.argsort(np.diff(before), kind="stable"), kind="stable")
        return Triples(
            *(
                np.concatenate([getattr(one, part), getattr(two, part)])[places]
                for part in ("queries", "positives", "negatives")
            )
        )


SECOND = 3  # number of this random stream, beside those of `bench.triples.epochs`


def concatenate(first: Texts, second: Texts) -> Texts:
    """The texts of both lists, those of ``second`` after those of ``first``.

    Their ids must differ.
    """
    return Texts(
        pa.concat_arrays([first.ids, second.ids]),
        pa.concat_arrays([first.texts, second.texts]),
        digest({"joined": [first.fingerprint, second.fingerprint]}),
    )


def draw_others(
    random: np.random.Generator, pool: np.ndarray, avoided: np.ndarray, count: int
) -> np.ndarray:
    """Draw uniformly from a pool, leaving out one position in each row.

    Args:
        pool: sorted positions.
        avoided: [B] the position that each row must not contain.

    Returns:
        [B, count] positions of the pool.
    """
    places = np.searchsorted(pool, avoided)
    inside = np.isin(avoided, pool)
    drawn = random.integers(0, (len(pool) - inside)[:, None], (len(avoided), count))
    return pool[drawn + (inside[:, None] & (drawn >= places[:, None]))]
