"""Token ids, made once per (texts, tokenizer, length, prompt), stored and memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
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
"""Most texts, and roughly the most characters, that are tokenized at a time."""

PER_TOKEN = 64
"""Characters of a long text that are read at first, per token of the maximal length."""


@dataclass(frozen=True)
class Tokens:
    """The token ids of a list of texts, special tokens included, without padding.

    Attributes:
        ids: int32 [T], all texts concatenated.
        starts: int64 [n+1], where each text starts, and where the last one ends.
        padding: the id to pad with.
        artifact: the artifact that stores them.
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

    @property
    def vocabulary(self) -> np.ndarray:
        """The ids that occur, ascending: int32 [m]."""
        found: np.ndarray = np.load(self.artifact.folder / "vocabulary.npy")
        return found

    def lengths(self, positions: np.ndarray) -> np.ndarray:
        """How many tokens each of these texts has."""
        return self.starts[positions + 1] - self.starts[positions]

    def rows(self, positions: np.ndarray) -> list[np.ndarray]:
        """The token ids of each of these texts."""
        return [self.ids[self.starts[at] : self.starts[at + 1]] for at in positions]


def pad(
    rows: list[np.ndarray], padding: int, shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and attention mask of these texts, padded on the right.

    Args:
        rows: the token ids of each text.
        padding: the id to pad with.
        shape: of both arrays; [n, longest] by default. The mask of rows after the texts shows one
            token of padding, because attention to no token at all gives NaN.
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
    """The tokens of these texts, from the artifacts if they are there, else made.

    Args:
        model: name or folder of the model whose tokenizer is used.
        max_length: most tokens of a text, special tokens and prompt included; the rest is cut off.
        prompt: text put before every text.
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
        save_array(folder / "vocabulary.npy", reduce(np.union1d, pieces))
        save_array(folder / "starts.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
        about = {"padding": tokenizer.pad_token_id or 0}
        return BuildReport(texts=len(texts), tokens=sum(lengths), about=about)

    specification = {
        "texts": texts.fingerprint,
        # A digest of its files, because a loaded vocabulary's order differs between processes.
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
    """(start, end) of chunks of texts, with at most ``most`` characters counted per text."""
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
    """The token ids of each text.

    To save memory, only the words at the start of a very long text are tokenized; all of it if
    they give fewer than ``max_length`` tokens.
    """
    most = PER_TOKEN * max_length
    heads = compute.utf8_slice_codeunits(texts, 0, most).to_pylist()
    long = np.flatnonzero(compute.utf8_length(texts).to_numpy() > most)
    for at in long:
        heads[at] = heads[at].rsplit(maxsplit=1)[0] if heads[at].strip() else heads[at]
    prompted = [prompt + text for text in heads]
    rows = tokenizer(prompted, truncation=True, max_length=max_length)["input_ids"]
    for at in long:
        if len(rows[at]) < max_length:
            text = prompt + texts[int(at)].as_py()
            rows[at] = tokenizer(text, truncation=True, max_length=max_length)["input_ids"]
    return rows
