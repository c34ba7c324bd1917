"""Puts a query and a document into one sequence, as a cross-encoder reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.encoding.device import Device
from bench.encoding.packing import Group

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NEITHER, QUERY, DOCUMENT = 0, 1, 2
"""Which text a token belongs to; special tokens and padding belong to neither."""


@dataclass(frozen=True)
class JointBatch:
    """One group of pairs of similar length, padded on the right.

    Attributes:
        pairs: [n] positions of these pairs among all; rows after them are empty.
        ids, mask, types: [rows, length]; ``types`` are the model's token types.
        owners: [rows, length] of `NEITHER`, `QUERY`, `DOCUMENT`.
    """

    pairs: np.ndarray
    ids: np.ndarray
    mask: np.ndarray
    types: np.ndarray
    owners: np.ndarray


@dataclass(frozen=True)
class JointForm:
    """How a tokenizer writes a pair: special tokens before, between and after the two texts.

    Attributes:
        head, tail: how many special tokens surround a single text; they are removed.
        before, between, after: ids of the special tokens there.
        types: token type of before, query, between, document, after.
        padding: the id to pad with.
    """

    head: int
    tail: int
    before: list[int]
    between: list[int]
    after: list[int]
    types: tuple[int, int, int, int, int]
    padding: int

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> JointForm:
        """Derived from an example, so that it works with any kind of tokenizer."""
        first, second = (
            tokenizer(word, add_special_tokens=False)["input_ids"] for word in ("one", "two")
        )
        single = tokenizer("one")["input_ids"]
        pair = tokenizer("one", "two", return_token_type_ids=True)
        ids = pair["input_ids"]
        types = pair.get("token_type_ids") or [0] * len(ids)
        head = _find(single, first, 0)
        one = _find(ids, first, 0)
        two = _find(ids, second, one + len(first))
        end = two + len(second)
        places = (0, one, one + len(first), two, end)
        return cls(
            head=head,
            tail=len(single) - head - len(first),
            before=ids[:one],
            between=ids[one + len(first) : two],
            after=ids[end:],
            types=tuple(types[min(place, len(ids) - 1)] for place in places),
            padding=tokenizer.pad_token_id or 0,
        )

    def batches(
        self, queries: list[np.ndarray], documents: list[np.ndarray], device: Device, most: int
    ) -> list[JointBatch]:
        """Pairs as padded groups.

        Args:
            queries, documents: token ids of n texts each, tokenized alone, special tokens included.
            most: the most tokens that the model can read.
        """
        bare = [
            (self._bare(query), self._bare(document))
            for query, document in zip(queries, documents, strict=True)
        ]
        special = len(self.before) + len(self.between) + len(self.after)
        lengths = np.array([len(q) + len(d) + special for q, d in bare], dtype=np.int64)
        groups = device.packing.groups(lengths, 0, most)
        return [self._batch(group, lengths[group.texts], bare) for group in groups]

    def _bare(self, ids: np.ndarray) -> np.ndarray:
        return ids[self.head : len(ids) - self.tail]

    def _batch(
        self, group: Group, lengths: np.ndarray, bare: list[tuple[np.ndarray, np.ndarray]]
    ) -> JointBatch:
        shape = (group.rows, group.length)
        ids = np.full(shape, self.padding, dtype=np.int64)
        types = np.zeros(shape, dtype=np.int64)
        owners = np.zeros(shape, dtype=np.int64)
        for row, at in enumerate(group.texts):
            query, document = bare[at]
            pieces = (self.before, query, self.between, document, self.after)
            sizes = [len(piece) for piece in pieces]
            length = sum(sizes)
            ids[row, :length] = np.concatenate([np.asarray(piece, np.int64) for piece in pieces])
            types[row, :length] = np.repeat(self.types, sizes)
            owners[row, :length] = np.repeat((NEITHER, QUERY, NEITHER, DOCUMENT, NEITHER), sizes)
        lengths = np.append(lengths, np.ones(group.rows - len(lengths), np.int64))
        mask = (np.arange(shape[1]) < lengths[:, None]).astype(np.int64)
        return JointBatch(group.texts, ids, mask, types, owners)


def _find(ids: list[int], part: list[int], start: int) -> int:
    """The first index from ``start`` on at which ``part`` occurs in ``ids``."""
    for at in range(start, len(ids) - len(part) + 1):
        if ids[at : at + len(part)] == part:
            return at
    raise ValueError("this tokenizer writes a pair in a way that is not known here")
