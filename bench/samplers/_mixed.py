"""Two ways to draw as one, with a fixed share of the second."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.collections.base import Texts
from bench.storage.files import digest
from bench.triples.stream import Triples, TripleStream


class Mixed:
    """Of the first n examples ⌊share · n⌋ are drawn by ``second``, the others by ``first``.

    Both draw from the same queries, and each goes on where it stood: what one draws does not
    depend on the other.
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
        # Streams of its own: with the same, both kinds would get the same order and negatives.
        own = int(np.random.SeedSequence([seed, SECOND]).generate_state(1, np.uint64)[0])
        two = self._second.batch(own, begin, end)
        # Where the second's triples go; the stable order puts all of one before all of two.
        places = np.argsort(np.argsort(np.diff(before), kind="stable"), kind="stable")
        return Triples(
            *(
                np.concatenate([getattr(one, part), getattr(two, part)])[places]
                for part in ("queries", "positives", "negatives")
            )
        )


SECOND = 3  # beside ORDER and NEGATIVES of `bench.samplers.base`


def joined(first: Texts, second: Texts) -> Texts:
    """All texts of both, the second's positions after the first's; their ids must differ."""
    return Texts(
        pa.concat_arrays([first.ids, second.ids]),
        pa.concat_arrays([first.texts, second.texts]),
        digest({"joined": [first.fingerprint, second.fingerprint]}),
    )


def others(
    random: np.random.Generator, pool: np.ndarray, avoided: np.ndarray, count: int
) -> np.ndarray:
    """[B, count] of the sorted pool, uniform over what is not the row's avoided one [B]."""
    places = np.searchsorted(pool, avoided)
    inside = np.isin(avoided, pool)
    drawn = random.integers(0, (len(pool) - inside)[:, None], (len(avoided), count))
    return pool[drawn + (inside[:, None] & (drawn >= places[:, None]))]
