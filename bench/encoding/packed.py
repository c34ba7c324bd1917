"""Texts made ready for an encoder: padded to rows of one length, or concatenated."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from bench.encoding.device import Device
from bench.encoding.joining import Joining
from bench.encoding.tokens import pad


@dataclass(frozen=True)
class Padded:
    """Texts of similar length, one per row.

    Attributes:
        ids, mask: [rows, length].
        size: how many texts there are; the rows after them are padding.
    """

    ids: Tensor
    mask: Tensor
    size: int

    def on(self, device: Device) -> Padded:
        return Padded(device.put(self.ids), device.put(self.mask), self.size)


@dataclass(frozen=True)
class Joined:
    """Concatenated texts, each attending only to itself, so that rows need no padding.

    Attributes:
        ids: [T]; after the texts come pieces of padding, up to a rung of the ladder.
        places: [T] position of each token within its text.
        starts: [n + 1] int32; where each text begins, and where the last one ends. Pieces of
            padding count as texts.
        longest: tokens of the longest text.
        size: how many texts there are, without pieces of padding.
    """

    ids: Tensor
    places: Tensor
    starts: Tensor
    longest: int
    size: int

    @classmethod
    def of(cls, rows: list[np.ndarray], padding: int, total: int, longest: int = 0) -> Joined:
        """Concatenate token ids.

        Args:
            rows: the token ids of each text.
            padding: the id to pad with.
            total: T.
            longest: tokens of a piece of padding; 0 means those of the longest text.
        """
        lengths = [len(row) for row in rows]
        longest = longest or max([1, *lengths])
        rest = total - sum(lengths)
        lengths += [longest] * (rest // longest) + [rest % longest] * (rest % longest > 0)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.concatenate([*rows, np.full(rest, padding)]).astype(np.int64)
        places = np.arange(total) - np.repeat(starts[:-1], lengths)
        return cls(
            torch.from_numpy(ids),
            torch.from_numpy(places),
            torch.from_numpy(starts.astype(np.int32)),
            longest,
            len(rows),
        )

    def staged(self, device: Device) -> Joined:
        return self._each(device.stage)

    def on(self, device: Device) -> Joined:
        return self._each(device.put)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Joined:
        return replace(
            self, ids=change(self.ids), places=change(self.places), starts=change(self.starts)
        )


Texts = TypeVar("Texts", bound=Padded | Joined)


@dataclass(frozen=True)
class Packed(Generic[Texts]):
    """Texts in groups, ready for the device.

    Attributes:
        groups: each is encoded in one pass.
        inverse_order: [n] the row of each text among the concatenated groups, padding left out.
    """

    groups: list[Texts]
    inverse_order: Tensor


AnyPacked = Packed[Padded] | Packed[Joined]


def pack_padded(
    rows: list[np.ndarray],
    padding: int,
    device: Device,
    group_tokens: int = 0,
    most: int = sys.maxsize,
) -> Packed[Padded]:
    """Pad token ids in the way that suits the device.

    Args:
        rows: the token ids of each text.
        padding: the id to pad with.
        group_tokens: most padded tokens of a group; 0 means what suits the device.
        most: the most tokens that the encoder can read.
    """
    groups = device.packing.groups(_lengths(rows), group_tokens, most)
    padded = []
    for group in groups:
        texts = [rows[at] for at in group.texts]
        ids, mask = pad(texts, padding, (group.rows, group.length))
        padded.append(Padded(device.stage(ids), device.stage(mask), len(texts)))
    order = np.concatenate([group.texts for group in groups])
    return Packed(padded, device.stage(np.argsort(order, kind="stable")))


def pack_joined(
    rows: list[np.ndarray], padding: int, device: Device, joining: Joining, group_tokens: int = 0
) -> Packed[Joined]:
    """Concatenate token ids, shorter texts first; arguments as for `pack_padded`."""
    lengths = _lengths(rows)
    order = np.argsort(lengths, kind="stable")
    groups = [
        Joined.of([rows[at] for at in order[part.start : part.stop]], padding, part.tokens)
        for part in joining.stretches(lengths[order], group_tokens)
    ]
    staged = [group.staged(device) for group in groups]
    return Packed(staged, device.stage(np.argsort(order, kind="stable")))


def _lengths(rows: list[np.ndarray]) -> np.ndarray:
    return np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
