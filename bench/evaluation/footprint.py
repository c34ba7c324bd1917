"""Measures a student's size, its operations per text, and its encoding speed on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from torch import nn

from bench.context import Context
from bench.encoding.device import Device, environment
from bench.encoding.encoder import Encoder, encode
from bench.encoding.flops import forward_flops, matrix_parameters
from bench.encoding.tokens import Tokens
from bench.encoding.towers import Towers
from bench.storage.artifacts import BuildReport
from bench.storage.files import read_json, write_json

QUERIES, DOCUMENTS, PASSES = 32, 32, 3
"""How many texts of each side are timed, and how many times."""


@dataclass(frozen=True)
class Footprint:
    """What serving a student takes; run records and summary.csv use these names.

    Attributes:
        parameters: of both sides together, each weight once.
        trained_parameters: those that training changed.
        query_parameters: of the query encoder, the only one that runs while a user waits.
        embedding_parameters: those in embedding tables, which are only looked up.
        query_flops, document_flops: estimate for a forward pass over a text of this collection's
            mean length.
        query_seconds: seconds to encode one query alone from token ids; the median of several
            queries.
        document_seconds: seconds per document to encode several together from token ids.
    """

    parameters: int
    trained_parameters: int | None = None
    query_parameters: int | None = None
    embedding_parameters: int | None = None
    query_flops: float | None = None
    document_flops: float | None = None
    query_seconds: float | None = None
    document_seconds: float | None = None


def footprint(
    towers: Towers,
    queries: Tokens,
    documents: Tokens,
    identity: Mapping[str, Any],
    context: Context,
    trained: bool,
) -> Footprint:
    """The footprint of a student, measured on dev queries and the collection's documents.

    Args:
        identity: what identifies the student among artifacts.
        trained: whether training changed it.
    """
    of_documents = towers.of_documents()
    both = [towers.query_encoder, of_documents]
    query_seconds, document_seconds = _seconds(towers, queries, documents, identity, context)
    return Footprint(
        parameters=count(both),
        trained_parameters=count(towers.encoders) if trained else 0,
        query_parameters=count([towers.query_encoder]),
        embedding_parameters=count(both) - sum(map(matrix_parameters, _distinct(both))),
        query_flops=_flops(towers.query_encoder, queries),
        document_flops=_flops(of_documents, documents),
        query_seconds=query_seconds,
        document_seconds=document_seconds,
    )


def count(modules: Iterable[nn.Module]) -> int:
    """How many parameters these modules have together; a repeated module counts once."""
    return sum(sum(value.numel() for value in one.parameters()) for one in _distinct(modules))


def _distinct(modules: Iterable[nn.Module]) -> list[nn.Module]:
    return list({id(module): module for module in modules}.values())


def _flops(encoder: Encoder, tokens: Tokens) -> float:
    everything = np.arange(len(tokens))
    return forward_flops(encoder, 1) * float(tokens.lengths(everything).mean())


def _seconds(
    towers: Towers,
    queries: Tokens,
    documents: Tokens,
    identity: Mapping[str, Any],
    context: Context,
) -> tuple[float, float]:
    """(seconds for a query alone, seconds per document), timed once per student and machine."""

    def make(folder: Path) -> BuildReport:
        query_at, document_at = _sample(queries, QUERIES), _sample(documents, DOCUMENTS)
        device, of_documents = context.device, towers.of_documents()

        def one(position: int) -> Callable[[], object]:
            rows = query_at[position : position + 1]
            return lambda: encode(towers.query_encoder, queries, rows, device, "to time it")

        def together() -> object:
            return encode(of_documents, documents, document_at, device, "to time it")

        each = [_time(one(position), device) for position in range(len(query_at))]
        per_document = _time(together, device) / len(document_at)
        write_json(folder / "seconds.json", [median(each), per_document])
        return BuildReport(device=device.label)

    specification = {
        **identity,
        "queries": queries.artifact.digest,
        "documents": documents.artifact.digest,
        "environment": environment(context.device),
        "precision": context.device.precision,
    }
    artifact = context.artifacts.get("encoding-speed", specification, make)
    query, document = read_json(artifact.folder / "seconds.json")
    return query, document


def _sample(tokens: Tokens, size: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(len(tokens))[:size])


def _time(work: Callable[[], object], device: Device) -> float:
    """Seconds of the fastest of `PASSES` passes, after one pass to warm up.

    The fastest, because other load on the machine can only add time.
    """
    work()
    seconds = []
    for _ in range(PASSES):
        device.synchronize()
        since = time.perf_counter()
        work()
        device.synchronize()
        seconds.append(time.perf_counter() - since)
    return min(seconds)
