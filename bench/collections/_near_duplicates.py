"""Finds near-duplicate texts exactly, by the Jaccard index of their word trigrams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from itertools import chain

NUMERATOR, DENOMINATOR = 7, 10
"""Texts are near-duplicates if their Jaccard index is at least 7/10 (integers keep it exact)."""


def trigrams(words: Sequence[str]) -> set[str]:
    return {" ".join(words[start : start + 3]) for start in range(len(words) - 2)}


def components(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of ``count`` positions, the smallest position that the pairs connect it with."""
    parents = list(range(count))

    def root(position: int) -> int:
        while parents[position] != position:
            parents[position] = parents[parents[position]]
            position = parents[position]
        return position

    for pair in pairs:
        low, high = sorted(map(root, pair))
        parents[high] = low
    return [root(position) for position in range(count)]


def similar_pairs(sets: Sequence[Set[Hashable]]) -> Iterator[tuple[int, int]]:
    """The positions of every two sets whose Jaccard index is at least 7/10.

    If the items of two such sets are sorted in any common order, the first 3/10 (plus one) of each
    have an item in common. With rare items first, this holds for few other pairs, so that few
    have to be compared (prefix filtering).
    """
    frequency = Counter(chain.from_iterable(sets))
    rank = {item: rank for rank, item in enumerate(sorted(frequency, key=frequency.__getitem__))}
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for position in sorted(range(len(sets)), key=lambda position: len(sets[position])):
        size = len(sets[position])
        prefix = sorted(map(rank.__getitem__, sets[position]))[: _prefix_length(size)]
        candidates = {
            other
            for item in prefix
            for other in holders[item]
            if DENOMINATOR * len(sets[other]) >= NUMERATOR * size
        }
        for other in candidates:
            shared = len(sets[position] & sets[other])
            if DENOMINATOR * shared >= NUMERATOR * (size + len(sets[other]) - shared):
                yield other, position
        for item in prefix:
            holders[item].append(position)


def _prefix_length(size: int) -> int:
    least_shared = -(-NUMERATOR * size // DENOMINATOR)
    return size - least_shared + 1
