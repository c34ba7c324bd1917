"""How many labels an arm has used up: its own, and those its teachers were fine-tuned with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.storage.ledger import Bill
from bench.triples.epochs import Epochs
from bench.triples.pairs import decode_pairs, encode_pairs
from bench.triples.stream import DrawPlan, TripleStream

TUNED = "fine-tuned-teacher"
"""The kind of artifact that holds a `LABELS` file (`bench.teachers._fine_tuning`)."""

LABELS = "labels.npy"

POSITIONS = 2**32
"""More documents than any collection has: labels of several collections can be counted."""

BATCHES = 4096
"""How many are gathered before repeated pairs are dropped."""


def drawn_labels(plan: DrawPlan) -> np.ndarray:
    """The different (query, positive) pairs of positions that are drawn, sorted: int64 [n, 2]."""
    found = np.empty(0, dtype=np.int64)
    waiting: list[np.ndarray] = []
    for triples in replace(plan, stream=_positives(plan.stream)).batches():
        waiting.append(encode_pairs(triples.queries, triples.positives, POSITIONS))
        if len(waiting) == BATCHES:
            found, waiting = np.unique(np.concatenate([found, *waiting])), []
    found = np.unique(np.concatenate([found, *waiting]))
    return np.stack(decode_pairs(found, POSITIONS), axis=1)


def labels_of(bills: Iterable[Bill], root: Path) -> list[np.ndarray]:
    """The labels that each fine-tuning among these bills has drawn, as of `drawn_labels`.

    Args:
        root: of the artifacts.
    """
    named = dict.fromkeys(bill.artifact for bill in bills)
    return [np.load(name.folder(root) / LABELS) for name in named if name and name.kind == TUNED]


def count_labels(used: Iterable[np.ndarray]) -> dict[str, int]:
    """The number of different train queries and labelled pairs, for a run's record.

    Args:
        used: int64 [n, 2] each: positions of train query and document.
    """
    codes = [encode_pairs(pairs[:, 0], pairs[:, 1], POSITIONS) for pairs in used]
    pairs = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *codes]))
    queries, _ = decode_pairs(pairs, POSITIONS)
    return {"train_queries": len(np.unique(queries)), "labels": len(pairs)}


def _positives(stream: TripleStream) -> TripleStream:
    """The same queries and positives, where possible without negatives, which take the time."""
    if not isinstance(stream, Epochs) or type(stream).batch is not Epochs.batch:
        return stream
    pairs = stream.pairs
    return Epochs(stream.queries, pairs, lambda random, rows: pairs[rows, 1:])
