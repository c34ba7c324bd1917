"""Writes queries with an encoder–decoder and saves them every `SHARD` texts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.collections.base import Texts
from bench.encoding.device import Device
from bench.encoding.flops import forward_flops
from bench.generators._writer import Writer
from bench.generators.base import Written
from bench.progress import narrate
from bench.storage.artifacts import shard

if TYPE_CHECKING:
    from bench.generators.seq2seq import Seq2Seq

SHARD = 256
"""Texts per saved file; a killed process continues after its last complete file."""


def decode(
    options: Seq2Seq,
    texts: Texts,
    positions: np.ndarray,
    sources: list[int],
    device: Device,
    folder: Path,
) -> Written:
    """The queries written from the texts at these positions, ``per_text`` consecutive ones each.

    Args:
        sources: the document of each query.
        folder: where complete parts are saved.
    """
    writer = Writer(options, device)
    shards = []
    for start in range(0, len(positions), SHARD):
        narrate(f"writing queries: {start:,} of {len(positions):,} texts")
        part = positions[start : start + SHARD]
        make = partial(_shard, writer, texts, part)
        shards.append(shard(folder, f"shard-{start}", make))
    # Counted from the saved files, so that tokens of a killed process are included.
    read, written = (sum(int(rows[kind].sum()) for rows in shards) for kind in ("read", "written"))
    return Written(
        texts=[text for rows in shards for text in rows["text"].tolist()],
        sources=sources,
        read=len(sources),
        tokens=read + written,
        flops=forward_flops(writer.encoder, read)
        + forward_flops(writer.decoder, written)
        + forward_flops(writer.head, written),
        device=device.label,
    )


def _shard(writer: Writer, texts: Texts, positions: np.ndarray) -> np.ndarray:
    """(text, tokens read, tokens written) of each query, as an array that needs no pickle."""
    rows = writer.write(texts.take(positions), positions)
    longest = max(1, *(len(text) for text, _, _ in rows))
    return np.array(rows, dtype=[("text", f"U{longest}"), ("read", "i8"), ("written", "i8")])
