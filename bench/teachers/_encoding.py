"""Some texts as a teacher encodes them, each once: the artifact, and where each text is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.encoding.flops import forward_flops
from bench.encoding.tokens import Tokens
from bench.storage.artifacts import Artifact, BuildReport
from bench.storage.files import save_array
from bench.teachers._loaded import LoadedTeacher

WARMING = 256
"""Texts that are encoded before a clock counts."""


def encoded(
    kind: str,
    loaded: LoadedTeacher,
    side: str,
    fingerprint: str,
    tokens: Tokens,
    positions: np.ndarray,
    write: Callable[[Path], float],
) -> tuple[Artifact, np.ndarray]:
    """(the artifact, the row of each text's position in it; -1 where it is not encoded).

    Args:
        side: ``queries`` or ``documents``.
        fingerprint: of the texts that positions mean.
        write: encodes the texts at ``positions``, in that order, into a folder; the seconds in
            which it only warmed up.
    """
    context = loaded.tokenized.context

    def make(folder: Path) -> BuildReport:
        warming = write(folder)
        save_array(folder / "positions.npy", positions)
        count = int(tokens.lengths(positions).sum())
        return BuildReport(
            texts=len(positions),
            tokens=count,
            flops=forward_flops(loaded.scorer, count),
            device=context.device.label,
            warming=warming,
        )

    specification = {
        **loaded.specification,
        "side": side,
        "texts": fingerprint,
        "positions": hashlib.sha256(positions.astype(np.int64).tobytes()).hexdigest()[:16],
    }
    needs = (tokens.artifact, *loaded.artifacts)
    artifact = context.artifacts.get(kind, specification, make, needs)
    rows = np.full(len(tokens), -1, dtype=np.int64)
    rows[np.load(artifact.folder / "positions.npy")] = np.arange(len(positions))
    return artifact, rows
