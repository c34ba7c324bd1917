"""How large a student is, what a text costs it, and how fast this machine encodes with it."""

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
    """What serving a student takes; run records and summary.csv hold it under these names.

    Attributes:
        parameters: of both sides together, each weight once.
        trained_parameters: those that training changed.
        query_parameters: of what encodes a query: all that has to run while somebody waits.
        embedding_parameters: those in embedding tables, which are looked up.
        query_flops, document_flops: of a forward pass over a text of this collection's mean
            length, estimated.
        query_seconds: to encode one query by itself, from token ids: the median of several.
        document_seconds: for each of several documents encoded together, from token ids.
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
    """Measured on dev queries and on documents of the collection.

    Args:
        identity: the student, as artifacts are told apart by.
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
    """How many parameters they have together."""
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
    """(a query by itself, a document among others), timed once for each student and machine."""

    def make(folder: Path) -> BuildReport:
        asked, found = _sample(queries, QUERIES), _sample(documents, DOCUMENTS)
        device, of_documents = context.device, towers.of_documents()

        def one(position: int) -> Callable[[], object]:
            rows = asked[position : position + 1]
            return lambda: encode(towers.query_encoder, queries, rows, device, "to time it")

        def together() -> object:
            return encode(of_documents, documents, found, device, "to time it")

        each = [_time(one(position), device) for position in range(len(asked))]
        write_json(folder / "seconds.json", [median(each), _time(together, device) / len(found)])
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
    """Seconds of the fastest of `PASSES` times, after one that warms what there is to warm.

    The fastest, because whatever else the machine does can only add to it.
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
