"""Selects which generated texts become queries, stores these, and opens them."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path

import pyarrow as pa
from pyarrow import feather

from bench.collections.base import Collection, Texts
from bench.errors import InputError
from bench.generators.base import GeneratedQueries, Written
from bench.storage.artifacts import Artifact, BuildReport
from bench.storage.files import digest

FILE, SHARDS = "queries.arrow", "shard-*.npy"


def keep(folder: Path, written: Written, collection: Collection, generator: str) -> BuildReport:
    """Store the new queries in the order they were written, and delete the saved parts.

    A text is new if it is neither a query of the collection nor written before.

    Raises:
        InputError: no text is new.
    """
    parts = collection.parts.values()
    seen = {plain(query) for part in parts for query in part.queries.texts.to_pylist()}
    seen.add("")
    texts, sources = [], []
    for text, source in zip(written.texts, written.sources, strict=True):
        if (key := plain(text)) not in seen:
            seen.add(key)
            texts.append(" ".join(text.split()))
            sources.append(source)
    if not texts:
        raise InputError(f"{generator}: it writes no new query from {collection.name}")
    known = {id for part in parts for id in part.queries.id_list()}
    ids = (id for number in count() if (id := f"generated-{number}") not in known)
    columns = {
        "id": pa.array(list(islice(ids, len(texts))), pa.large_string()),
        "text": pa.array(texts, pa.large_string()),
        "source": pa.array(sources, pa.int64()),
    }
    feather.write_feather(pa.table(columns), str(folder / FILE), compression="uncompressed")
    for path in folder.glob(SHARDS):
        path.unlink()
    return BuildReport(
        texts=written.read,
        tokens=written.tokens,
        flops=written.flops,
        device=written.device,
        about={"fingerprint": digest(texts), "written": len(written.texts), "kept": len(texts)},
    )


def open_queries(artifact: Artifact) -> GeneratedQueries:
    """The queries of an artifact, memory-mapped."""
    table = feather.read_table(artifact.folder / FILE, memory_map=True).combine_chunks()
    ids, texts, sources = (table[name].combine_chunks() for name in ("id", "text", "source"))
    queries = Texts(ids, texts, artifact.about["fingerprint"])
    return GeneratedQueries(queries, sources.to_numpy(), artifact)


def plain(text: str) -> str:
    """The text for comparison: case and white space do not count."""
    return " ".join(text.split()).casefold()
