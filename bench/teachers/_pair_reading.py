"""Computes a teacher's values for all pairs that a run will draw, before training starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.encoding.flops import forward_flops
from bench.optimization.warming import rehearsal_seconds
from bench.progress import narrate
from bench.storage.artifacts import Artifact, BuildReport, shard
from bench.storage.files import save_array
from bench.teachers._loaded_teacher import LoadedTeacher
from bench.teachers._pairs import drawn_pairs
from bench.triples.pairs import decode_pairs
from bench.triples.stream import DrawPlan, all_pairs_of

SHARD = 4096
"""Pairs per file while computing; a killed process continues after its last complete file."""

WARMING = 64
"""Pairs that are read to warm up, which is not charged."""

Read = Callable[[list[np.ndarray], list[np.ndarray]], Tensor]
"""Token rows of n queries and of n documents → [n, …]."""


def read_pairs(
    kind: str, loaded: LoadedTeacher, plan: DrawPlan, read: Read, dtype: type = np.float32
) -> tuple[np.ndarray, np.ndarray, Artifact]:
    """(codes, values, artifact) of every pair the run will draw; charged as examples are consumed.

    Args:
        kind: of the artifact.
        plan: the triples that the run will draw.
        read: computes the values of pairs.
        dtype: of the stored values.
    """
    context, tokenized = loaded.tokenized.context, loaded.tokenized
    total = len(context.collection.documents)
    plan = all_pairs_of(plan.stream) or plan
    codes = drawn_pairs(plan, total)

    def make(folder: Path) -> BuildReport:
        parts = []
        tokens = 0
        warming = _warm(codes[:WARMING])
        for number, start in enumerate(range(0, len(codes), SHARD)):
            narrate(f"{loaded.teacher.name} reads pair {start:,} of {len(codes):,}")
            queries, documents = decode_pairs(codes[start : start + SHARD], total)
            rows = tokenized.queries.rows(queries), tokenized.documents.rows(documents)
            tokens += loaded.scorer.tokens(*rows)
            parts.append(shard(folder, f"part-{number:06d}", partial(compute, *rows)))
        save_array(folder / "values.npy", np.concatenate(parts))
        save_array(folder / "codes.npy", codes)
        for path in folder.glob("part-*.npy"):
            path.unlink()
        return BuildReport(
            examples=0 if plan.at_once else plan.examples or 0,
            texts=len(codes),
            tokens=tokens,
            flops=forward_flops(loaded.scorer, tokens),
            device=context.device.label,
            warming=warming,
        )

    @torch.inference_mode()
    def _warm(some: np.ndarray) -> float:
        queries, documents = decode_pairs(some, total)
        rows = tokenized.queries.rows(queries), tokenized.documents.rows(documents)
        return rehearsal_seconds(lambda: read(*rows), context.device)

    @torch.inference_mode()
    def compute(queries: list[np.ndarray], documents: list[np.ndarray]) -> np.ndarray:
        return read(queries, documents).float().cpu().numpy().astype(dtype)

    specification = {
        **loaded.specification,
        "queries": tokenized.texts.fingerprint,
        "documents": context.collection.documents.fingerprint,
        "pairs": hashlib.sha256(codes.tobytes()).hexdigest()[:16],
        "dtype": np.dtype(dtype).name,
    }
    needs = (*tokenized.artifacts, *loaded.artifacts)
    artifact = context.artifacts.get(kind, specification, make, needs)
    values = np.load(artifact.folder / "values.npy", mmap_mode="r")
    return np.load(artifact.folder / "codes.npy", mmap_mode="r"), values, artifact
