"""Encodes a pair of positions as one number, so that pairs can be sorted, searched and stored."""

from __future__ import annotations

import numpy as np


def encode_pairs(queries: np.ndarray, documents: np.ndarray, total: int) -> np.ndarray:
    """The codes of pairs: query · ``total`` + document, int64.

    Codes sort as (query, document) does.

    Args:
        queries, documents: positions, of shapes that broadcast against each other.
        total: how many documents there are.
    """
    return np.asarray(queries, dtype=np.int64) * total + documents


def decode_pairs(codes: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `encode_pairs`: (queries, documents)."""
    queries, documents = np.divmod(codes, total)
    return queries, documents
