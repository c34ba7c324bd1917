"""Reading the pairs that a run will draw, once each, before it starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.artifacts import Artifact, Made, shard
from bench.encoding.flops import forward_flops
from bench.files import save_array
from bench.progress import narrate
from bench.samplers.base import Demand
from bench.teaching.pairs import drawn_pairs
from bench.teaching.tunable import Ready
from bench.training.warming import seconds_for_nothing

SHARD = 4096
"""Pairs that are read between two moments at which a stopped process can go on."""

WARMING = 64
"""Pairs that are read once before a clock counts."""

Read = Callable[[list[np.ndarray], list[np.ndarray]], Tensor]
"""Token rows of n queries and as many documents → [n, …]."""


def read_pairs(
    kind: str, ready: Ready, demand: Demand, read: Read, dtype: type = np.float32
) -> tuple[np.ndarray, np.ndarray, Artifact]:
    """(codes, values, artifact) of every pair the run will draw; charged as it is consumed.

    Args:
        read: what to keep of a pair.
        dtype: how it is kept.
    """
    lab, reading = ready.reading.lab, ready.reading
    total = len(lab.collection.documents)
    demand = demand.draws.universe or demand
    codes = drawn_pairs(demand, total)

    def make(folder: Path) -> Made:
        parts = []
        tokens = 0
        warming = _warm(codes[:WARMING])
        for number, start in enumerate(range(0, len(codes), SHARD)):
            narrate(f"{ready.teacher.name} reads pair {start:,} of {len(codes):,}")
            queries, documents = np.divmod(codes[start : start + SHARD], total)
            asked, found = reading.queries.rows(queries), reading.documents.rows(documents)
            tokens += ready.scorer.tokens(asked, found)
            parts.append(shard(folder, f"part-{number:06d}", partial(values, asked, found)))
        save_array(folder / "values.npy", np.concatenate(parts))
        save_array(folder / "codes.npy", codes)
        for path in folder.glob("part-*.npy"):
            path.unlink()
        return Made(
            examples=0 if demand.at_once else demand.examples or 0,
            texts=len(codes),
            tokens=tokens,
            flops=forward_flops(ready.scorer, tokens),
            device=lab.device.label,
            warming=warming,
        )

    @torch.inference_mode()
    def _warm(some: np.ndarray) -> float:
        queries, documents = np.divmod(some, total)
        rows = reading.queries.rows(queries), reading.documents.rows(documents)
        return seconds_for_nothing(lambda: read(*rows), [], lab.device)

    @torch.inference_mode()
    def values(asked: list[np.ndarray], found: list[np.ndarray]) -> np.ndarray:
        return read(asked, found).float().cpu().numpy().astype(dtype)

    specification = {
        **ready.specification,
        "queries": reading.texts.fingerprint,
        "documents": lab.collection.documents.fingerprint,
        "pairs": hashlib.sha256(codes.tobytes()).hexdigest()[:16],
        "dtype": np.dtype(dtype).name,
    }
    needs = (*reading.artifacts, *ready.artifacts)
    artifact = lab.artifacts.get(kind, specification, make, needs)
    values_ = np.load(artifact.folder / "values.npy", mmap_mode="r")
    return np.load(artifact.folder / "codes.npy", mmap_mode="r"), values_, artifact
