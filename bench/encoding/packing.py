"""Divides texts into padded groups: of similar length on a CPU, of few shapes on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Group:
    """Texts that are encoded in one pass.

    Attributes:
        texts: [n] positions of these texts among all.
        rows: rows of the pass; those after the n texts are padding.
        length: tokens that each row is padded to.
    """

    texts: np.ndarray
    rows: int
    length: int


class Packing(Protocol):
    """A way of dividing texts into forward passes."""

    def groups(self, lengths: np.ndarray, most_tokens: int, most: int) -> list[Group]:
        """Groups that contain every text once, each group sorted by (length, position).

        Args:
            lengths: tokens of each text.
            most_tokens: most padded tokens of a group, rows × length (a single text may exceed
                it); 0 means what suits the device.
            most: the most tokens that the model can read; nothing is padded beyond it.
        """

    def shapes(self, rows: int, longest: int, most_tokens: int, most: int) -> list[tuple[int, int]]:
        """Every (rows, length) that a group may have, the largest first.

        Empty if shapes are not known beforehand.

        Args:
            rows: most texts that are divided at a time.
            longest: most tokens of a text.
            most_tokens, most: as for `groups`.
        """


@dataclass(frozen=True)
class ClosePacking:
    """Groups of similar length, so that little padding is computed. Best on a CPU.

    Attributes:
        tokens: most padded tokens of a pass, so that a pass fits the caches.
        waste: a group is closed once padding would make it this many times its tokens, unless it
            has fewer than 8 texts (tiny groups cost more than they save).
    """

    tokens: int = 4096
    waste: float = 1.15

    def groups(self, lengths: np.ndarray, most_tokens: int = 0, most: int = 0) -> list[Group]:
        order = np.argsort(lengths, kind="stable")
        groups: list[Group] = []
        start, tokens = 0, 0

        def close(end: int) -> None:
            texts = order[start:end]
            groups.append(Group(texts, len(texts), max(1, int(lengths[texts[-1]]))))

        most_tokens = most_tokens or self.tokens
        for end, position in enumerate(order):
            length = int(lengths[position])
            size = end - start
            if size and (
                (size + 1) * length > most_tokens
                or (size >= 8 and (size + 1) * length > self.waste * (tokens + length))
            ):
                close(end)
                start, tokens = end, 0
            tokens += length
        if len(order):
            close(len(order))
        return groups

    def shapes(
        self, rows: int, longest: int, most_tokens: int = 0, most: int = 0
    ) -> list[tuple[int, int]]:
        return []


@dataclass(frozen=True)
class Ladder:
    """Few passes, whose rows and lengths are rungs of a ladder of sizes. Best on a GPU.

    On a GPU even a small pass costs kernel launches, and the first pass of every shape costs the
    loading and choice of kernels. So texts are divided into the few ranges of lengths that cost
    least in padding and launches together. The possible shapes are known beforehand and are run
    once to warm up.

    Attributes:
        tokens: most padded tokens of a pass.
        passes: most ranges of lengths.
        launch: cost of launching a pass, as the number of tokens computed in that time.
    """

    tokens: int = 131_072
    passes: int = 3
    launch: int = 8_192

    def groups(self, lengths: np.ndarray, most_tokens: int, most: int) -> list[Group]:
        order = np.argsort(lengths, kind="stable")
        tops = np.array([rung(int(length)) for length in lengths[order]])
        most_tokens = most_tokens or self.tokens
        groups = []
        for start, stop in self._ranges(tops):
            longest = int(lengths[order[stop - 1]])
            length = max(longest, min(int(tops[stop - 1]), most))
            fit = max(1, rung_below(most_tokens // length))
            for at in range(start, stop, fit):
                texts = order[at : min(at + fit, stop)]
                groups.append(Group(texts, min(rung(len(texts)), fit), length))
        return groups

    def shapes(self, rows: int, longest: int, most_tokens: int, most: int) -> list[tuple[int, int]]:
        shapes = set()
        for length in rungs(longest):
            length = min(length, most)
            fit = max(1, rung_below((most_tokens or self.tokens) // length))
            shapes |= {(min(size, fit), length) for size in rungs(rows)}
        return sorted(shapes, key=lambda shape: (shape[0] * shape[1], shape), reverse=True)

    def _ranges(self, tops: np.ndarray) -> list[tuple[int, int]]:
        """Divide texts into the ranges whose passes cost least: (start, stop) of each.

        Args:
            tops: [n] the rung that each text's length is padded to, ascending.
        """
        used, starts = np.unique(tops, return_index=True)
        ends = np.append(starts[1:], len(tops)).tolist()
        # ways[i][count]: the cheapest way to divide the texts of the first i rungs into ranges.
        ways: list[dict[int, Way]] = [{0: (0.0, ())}]
        for last, length in enumerate(used.tolist()):
            best: dict[int, Way] = {}
            for first, start in enumerate(starts[: last + 1].tolist()):
                cost = self.launch + length * rung(ends[last] - start)
                for count, (before, ranges) in ways[first].items():
                    way = (before + cost, (*ranges, (start, ends[last])))
                    if count < self.passes and way < best.get(count + 1, (np.inf,)):
                        best[count + 1] = way
            ways.append(best)
        return list(min(ways[-1].values())[1])


Way = tuple[float, tuple[tuple[int, int], ...]]
"""The cost in tokens, and the ranges as (start, stop)."""

STEP = 32
"""Distance between the ladder's first rungs."""


def rung(size: int, parts: int = 4) -> int:
    """The smallest rung that is at least ``size``.

    Rungs are multiples of 32, and for larger sizes ``parts`` of them per doubling.
    """
    step = max(STEP, (1 << (size - 1).bit_length()) // (2 * parts))
    return max(STEP, -(-size // step) * step)


def rung_below(size: int) -> int:
    """The largest rung that is at most ``size``; ``size`` itself below the first rung."""
    if size < STEP:
        return size
    step = max(STEP, 1 << max(0, size.bit_length() - 3))
    return size // step * step


def rungs(most: int, parts: int = 4) -> Iterator[int]:
    """All rungs that sizes up to ``most`` are rounded to, ascending."""
    size = 0
    while size < most:
        size = rung(size + 1, parts)
        yield size
