"""Tokens, made once per (texts, tokenizer, length, prompt) and memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import compute

from bench.collections.base import Texts
from bench.encoding.models import load_tokenizer, tokenizer_digest
from bench.progress import narrate
from bench.storage.artifacts import Artifact, Artifacts, BuildReport
from bench.storage.files import save_array

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK, CHARACTERS = 20_000, 20_000_000
"""Most texts, and about as many characters of them, that are tokenized at a time."""

PER_TOKEN = 64
"""Characters of a long text that are read at first for every token that is kept."""


@dataclass(frozen=True)
class Tokens:
    """The token ids of a list of texts, special tokens included, without padding.

    Attributes:
        ids: int32, all texts one after the other.
        starts: int64 [n+1], where each text starts.
        padding: the id to pad with.
        artifact: where they are stored, with its bill.
    """

    ids: np.ndarray
    starts: np.ndarray
    padding: int
    artifact: Artifact

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return int(np.diff(self.starts).max(initial=0))

    def lengths(self, positions: np.ndarray) -> np.ndarray:
        """Tokens of each of these texts."""
        return self.starts[positions + 1] - self.starts[positions]

    def rows(self, positions: np.ndarray) -> list[np.ndarray]:
        """The token ids of each of these texts."""
        return [self.ids[self.starts[at] : self.starts[at + 1]] for at in positions]


def pad(
    rows: list[np.ndarray], padding: int, shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and attention mask of these texts, padded on the right.

    Args:
        shape: of both; [n, longest] where it is not given. Rows behind the texts have one token of
            padding, so that attention has something to look at.
    """
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    if shape:
        lengths = np.append(lengths, np.ones(shape[0] - len(rows), np.int64))
    mask = np.arange(shape[1] if shape else max(1, lengths.max())) < lengths[:, None]
    ids = np.full(mask.shape, padding, dtype=np.int64)
    ids[: len(rows)][mask[: len(rows)]] = np.concatenate(rows)
    return ids, mask.astype(np.int64)


def tokenize(
    texts: Texts, model: str, max_length: int, artifacts: Artifacts, prompt: str = ""
) -> Tokens:
    """The tokens of these texts, made or found.

    Args:
        model: whose tokenizer.
        max_length: most tokens of a text, special tokens and prompt included; the rest is cut off.
        prompt: what is written before every text.
    """

    def make(folder: Path) -> BuildReport:
        tokenizer = load_tokenizer(model)
        pieces: list[np.ndarray] = []
        lengths: list[int] = []
        for start, end in _chunks(texts, PER_TOKEN * max_length):
            narrate(f"tokenizing {start:,} of {len(texts):,} texts")
            rows = _rows(tokenizer, texts.texts.slice(start, end - start), max_length, prompt)
            lengths += map(len, rows)
            pieces.append(np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]))
        save_array(folder / "ids.npy", np.concatenate(pieces))
        save_array(folder / "starts.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
        about = {"padding": tokenizer.pad_token_id or 0}
        return BuildReport(texts=len(texts), tokens=sum(lengths), about=about)

    specification = {
        "texts": texts.fingerprint,
        # Of its files: a tokenizer's own vocabulary order differs between processes.
        "tokenizer": tokenizer_digest(model),
        "max_length": max_length,
        "prompt": prompt,
    }
    artifact = artifacts.get("tokens", specification, make)
    return Tokens(
        np.load(artifact.folder / "ids.npy", mmap_mode="r"),
        np.load(artifact.folder / "starts.npy"),
        artifact.about["padding"],
        artifact,
    )


def _chunks(texts: Texts, most: int) -> Iterator[tuple[int, int]]:
    """Where chunks of the texts start and end, of each text the first ``most`` characters."""
    sizes = compute.utf8_length(texts.texts).to_numpy()
    ends = np.cumsum(np.minimum(sizes, most), dtype=np.int64)
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        room = int(np.searchsorted(ends, before + CHARACTERS, side="right"))
        end = max(start + 1, min(start + CHUNK, room))
        yield start, end
        start = end


def _rows(
    tokenizer: PreTrainedTokenizerBase, texts: Any, max_length: int, prompt: str
) -> list[list[int]]:
    """Token ids of each text.

    Of a very long one only the words at its start are read, so that its size costs no memory: all
    of it, where these fill fewer than ``max_length`` tokens.
    """
    most = PER_TOKEN * max_length
    read = compute.utf8_slice_codeunits(texts, 0, most).to_pylist()
    long = np.flatnonzero(compute.utf8_length(texts).to_numpy() > most)
    for at in long:
        read[at] = read[at].rsplit(maxsplit=1)[0] if read[at].strip() else read[at]
    rows = tokenizer([prompt + text for text in read], truncation=True, max_length=max_length)
    found = rows["input_ids"]
    for at in long:
        if len(found[at]) < max_length:
            whole = prompt + texts[int(at)].as_py()
            found[at] = tokenizer(whole, truncation=True, max_length=max_length)["input_ids"]
    return found
