"""Cuts a list of texts into stretches that are concatenated and encoded in one pass each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.encoding.packing import rung, rungs

PARTS = 8
"""Rungs per doubling of size: fewer mean more padding, more mean more shapes to warm up."""


@dataclass(frozen=True)
class Stretch:
    """Texts ``start`` … ``stop - 1``, encoded in one pass of ``tokens``, padding included."""

    start: int
    stop: int
    tokens: int


@dataclass(frozen=True)
class Joining:
    """Concatenates texts into few passes.

    Attributes:
        tokens: most tokens of a pass.
        laddered: whether passes are padded to rungs of a ladder, so that their sizes are few and
            known beforehand, as suits a GPU.
    """

    tokens: int = 131_072
    laddered: bool = True

    def stretches(self, lengths: np.ndarray, most: int = 0) -> list[Stretch]:
        """Consecutive stretches that cover all texts in their order.

        Args:
            lengths: tokens of each text.
            most: most tokens of a stretch (a single text may exceed it); 0 means `tokens`.
        """
        most = most or self.tokens
        stretches, start, total = [], 0, 0
        for at, length in enumerate(lengths.tolist()):
            if at > start and total + length > most:
                stretches.append(Stretch(start, at, self._size(total, most)))
                start, total = at, 0
            total += length
        if len(lengths):
            stretches.append(Stretch(start, len(lengths), self._size(total, most)))
        return stretches

    def totals(self, texts: int, longest: int, most: int = 0) -> list[int]:
        """Every token count that stretches of up to ``texts`` texts may have, the largest first.

        Empty if they are not known beforehand.
        """
        if not self.laddered:
            return []
        most = most or self.tokens
        several = {min(total, most) for total in rungs(min(texts * longest, most), PARTS)}
        alone = {total for total in rungs(longest, PARTS) if total > most}
        return sorted(several | alone, reverse=True)

    def _size(self, total: int, most: int) -> int:
        """``total`` tokens with padding, which never makes them exceed ``most``."""
        if not self.laddered:
            return total
        above = rung(total, PARTS)
        return above if total > most else min(above, most)
