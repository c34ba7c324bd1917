"""Texts as padded groups: of like length where that is best, of few shapes where shapes cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Group:
    """Texts that are encoded in one pass.

    Attributes:
        texts: which of them these are [n].
        rows: how many the pass has: n, and more where some are empty.
        length: tokens a row is padded to.
    """

    texts: np.ndarray
    rows: int
    length: int


class Packing(Protocol):
    """How a device likes its passes."""

    def groups(self, lengths: np.ndarray, most_tokens: int, most: int) -> list[Group]:
        """Every text in one group, each group sorted by (length, position).

        Args:
            lengths: tokens of each text.
            most_tokens: a group's rows times its length stays within this (one text may exceed it
                alone); 0 is what suits the device.
            most: tokens the model can read; nothing is padded to more.
        """

    def shapes(self, rows: int, longest: int, most_tokens: int, most: int) -> list[tuple[int, int]]:
        """Every (rows, length) that up to so many texts of up to so many tokens may need, the
        largest first; none where they are not known beforehand."""


@dataclass(frozen=True)
class Close:
    """Groups of like length, so that little padding is computed: what is best on a CPU.

    Attributes:
        tokens: most padded tokens of a pass: what the caches hold.
        waste: a group is closed when padding would make it this many times its tokens, unless it
            still has fewer than 8 texts (tiny groups cost more than they save).
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
    """Few passes, their rows and lengths on the rungs of a ladder: what is best on a GPU.

    There a pass costs its launches, however small it is, and the first one of every shape costs
    kernels that are loaded and chosen. So texts are cut into those few ranges of lengths that cost
    least, padding and passes together, and the shapes are known, and tried, beforehand.

    Attributes:
        tokens: most padded tokens of a pass.
        passes: most ranges of lengths.
        launch: how many tokens might be computed while a pass is launched.
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
        found = set()
        for length in rungs(longest):
            length = min(length, most)
            fit = max(1, rung_below((most_tokens or self.tokens) // length))
            found |= {(min(size, fit), length) for size in rungs(rows)}
        return sorted(found, key=lambda shape: (shape[0] * shape[1], shape), reverse=True)

    def _ranges(self, tops: np.ndarray) -> list[tuple[int, int]]:
        """Cut texts, sorted by length, where their passes cost least: (start, stop) of each."""
        used, starts = np.unique(tops, return_index=True)
        ends = np.append(starts[1:], len(tops)).tolist()
        # The cheapest way to cut the texts of the first rungs into so many ranges.
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
"""What it costs, in tokens, and its ranges."""

STEP = 32
"""Of the ladder's first rungs."""


def rung(size: int, parts: int = 4) -> int:
    """The next rung of the ladder: multiples of 32, and from some size on so many to a doubling."""
    step = max(STEP, (1 << (size - 1).bit_length()) // (2 * parts))
    return max(STEP, -(-size // step) * step)


def rung_below(size: int) -> int:
    """The last rung that is not above; below the first one, ``size`` itself."""
    if size < STEP:
        return size
    step = max(STEP, 1 << max(0, size.bit_length() - 3))
    return size // step * step


def rungs(most: int, parts: int = 4) -> Iterator[int]:
    """Those that sizes of up to ``most`` come to."""
    size = 0
    while size < most:
        size = rung(size + 1, parts)
        yield size
