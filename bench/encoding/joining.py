"""How texts are cut into stretches that stand one behind another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.encoding.packing import rung, rungs

PARTS = 8
"""Rungs to a doubling: fewer would be more padding, more would be more to try beforehand."""


@dataclass(frozen=True)
class Stretch:
    """Texts ``start`` … ``stop - 1``, encoded in one pass of so many tokens."""

    start: int
    stop: int
    tokens: int


@dataclass(frozen=True)
class Joining:
    """Few passes, their tokens on the rungs of a ladder.

    Attributes:
        tokens: most of a pass.
    """

    tokens: int = 131_072

    def stretches(self, lengths: np.ndarray, most: int = 0) -> list[Stretch]:
        """Every text in one stretch, in their order.

        Args:
            most: tokens of a stretch (one text may exceed it alone); 0 is what suits the device.
        """
        most = most or self.tokens
        found, start, total = [], 0, 0
        for at, length in enumerate(lengths.tolist()):
            if at > start and total + length > most:
                found.append(Stretch(start, at, _room(total, most)))
                start, total = at, 0
            total += length
        if len(lengths):
            found.append(Stretch(start, len(lengths), _room(total, most)))
        return found

    def totals(self, texts: int, longest: int, most: int = 0) -> list[int]:
        """Every number of tokens that stretches of so many texts may have, the largest first."""
        most = most or self.tokens
        several = {min(total, most) for total in rungs(min(texts * longest, most), PARTS)}
        alone = {total for total in rungs(longest, PARTS) if total > most}
        return sorted(several | alone, reverse=True)


def _room(total: int, most: int) -> int:
    """What so many tokens come to."""
    above = rung(total, PARTS)
    return above if total > most else min(above, most)
