"""Stores texts as a teacher encodes them, each once, in an artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.encoding.flops import forward_flops
from bench.encoding.tokens import Tokens
from bench.storage.artifacts import Artifact, BuildReport
from bench.storage.files import save_array
from bench.teachers._loaded_teacher import LoadedTeacher

WARMING = 256
"""Texts that are encoded to warm up, which is not charged."""


def store_texts(
    kind: str,
    loaded: LoadedTeacher,
    side: str,
    fingerprint: str,
    tokens: Tokens,
    positions: np.ndarray,
    write: Callable[[Path], float],
) -> tuple[Artifact, np.ndarray]:
    """(the artifact, the row in it of each text's position; -1 if the text is not encoded).

    Args:
        kind: of the artifact.
        side: ``queries`` or ``documents``.
        fingerprint: of the list of texts that positions refer to.
        tokens: of that list of texts.
        positions: of the texts to encode.
        write: encodes the texts at ``positions``, in that order, into a folder, and returns the
            seconds that it spent on warming up.
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
