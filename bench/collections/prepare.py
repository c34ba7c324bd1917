"""Prepares a collection: reads any source, checks it, and stores it as memory-mapped tables."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.collections._judgements import Judgements, Pairs, PartRows, check_part, check_unique
from bench.collections._on_disk import OnDisk
from bench.collections._texts import count_among_documents, lacks_spaces, separate_parts
from bench.collections.base import Collection, Part, RawCollection, Source, Texts
from bench.errors import InputError
from bench.storage.artifacts import Artifacts, BuildReport
from bench.storage.files import digest

FORMAT = 2
"""Increased when checks, exclusions or notes change; collections are then read again."""

DEV_SHARE = 0.2
"""Share of the train queries that become the dev part if there is none …"""
DEV_MOST = 2000
"""… but at most this many queries."""

SAMPLE = 1000
"""Queries of a part that are examined for scripts without spaces."""


def prepare(source: Source, artifacts: Artifacts) -> Collection:
    """Read, check and store the collection, or open it if that has been done.

    Raises:
        InputError: an id occurs twice, a query is empty, most judgements name unknown queries or
            documents, a part has no judgements, or a query is in test and in train or dev.
    """
    specification = _specification(source)
    artifact = artifacts.get("collection", specification, lambda folder: _store(source, folder))
    return _open(source, artifact.folder, artifact.about)


def is_prepared(source: Source, artifacts: Artifacts) -> bool:
    """Whether it has been prepared."""
    return artifacts.has("collection", _specification(source))


def is_local(source: Source, artifacts: Artifacts) -> bool:
    """Whether it can be opened without a download."""
    return isinstance(source, OnDisk) or is_prepared(source, artifacts)


def differing_tables(artifacts: Artifacts, one: str, other: str) -> list[str]:
    """The names of tables (documents, queries-test, …) that differ between prepared collections.

    Empty if one of the collections has been deleted.

    Args:
        one, other: fingerprints.
    """
    known = {}
    for about in artifacts.abouts("collection"):
        known[about.get("fingerprint")] = about.get("fingerprints", {})
    if one not in known or other not in known:
        return []
    names = dict.fromkeys([*known[one], *known[other]])
    return [name for name in names if known[one].get(name) != known[other].get(name)]


def _specification(source: Source) -> dict[str, Any]:
    return {"format": FORMAT, "source": source.specification, "content": source.identity()}


def _store(source: Source, folder: Path) -> BuildReport:
    raw = source.read()
    documents = check_unique(raw.documents, raw.origin, "document")
    if not any(text.strip() for _, text in documents):
        raise InputError(f"{raw.origin}: no document has any text")
    positions = {id: position for position, (id, _) in enumerate(documents)}
    parts, notes = _parts(raw, positions)
    notes += _oddities(source, documents, positions, parts)
    tables = {"documents": _documents_table(documents, raw.trainable)}
    for name, part in parts.items():
        tables[f"queries-{name}"] = _texts_table(part.queries)
        tables[f"judgements-{name}"] = _positions_table(
            part.judgements, {id: at for at, (id, _) in enumerate(part.queries)}, positions
        )
    if raw.triples is not None:
        tables["triples"] = _triples_table(raw, parts["train"].queries, positions)
    fingerprints = {}
    for name, table in tables.items():
        _write(folder / f"{name}.arrow", table)
        fingerprints[name] = _fingerprint(table)
    about = {
        "fingerprint": digest({**fingerprints, **_chosen(source)}),
        "fingerprints": fingerprints,
        "parts": list(parts),
        "notes": notes,
    }
    return BuildReport(texts=len(documents), about=about)


def _parts(
    raw: RawCollection, positions: Mapping[str, int]
) -> tuple[dict[str, PartRows], list[str]]:
    """(the checked parts, including dev, with no query in two of them; notes on what was done)."""
    parts, notes = {}, list(raw.notes)
    for name, part in raw.parts.items():
        parts[name], more = check_part(name, part, positions)
        notes += more
    _check_leaks(raw, parts)
    tests = [name for name in parts if name.startswith("test")]
    others = [name for name in ("train", "dev") if name in parts]
    parts, more = separate_parts(parts, tests, others, raw.origin)
    notes += more
    if "train" in parts and "dev" not in parts:
        parts["train"], parts["dev"] = _carve_dev(parts["train"])
        notes.append(
            f"dev: {len(parts['dev'].queries)} queries carved from train "
            f"({DEV_SHARE:.0%} of them, at most {DEV_MOST}, by a hash of the id)"
        )
    if "dev" in parts and len(parts["dev"].queries) < 2:
        raise InputError(f"{raw.parts['dev'].origin}: dev needs at least 2 queries, it has 1")
    if "train" in parts:
        parts, more = separate_parts(parts, ["dev"], ["train"], raw.origin)
        notes += more
    return parts, notes


def _oddities(
    source: Source, documents: Pairs, positions: Mapping[str, int], parts: Mapping[str, PartRows]
) -> list[str]:
    """Notes on texts that a reader of the results must know."""
    notes = []
    if empty := sum(not text.strip() for _, text in documents):
        notes.append(
            f"{empty:,} of {len(documents):,} documents without text; no search finds them"
        )
    if source.ignore_identical_ids:
        notes.append("the document that has a query's id is not ranked for it")
        for name, part in parts.items():
            if count := sum(
                query == document for query, document, grade in part.judgements if grade > 0
            ):
                notes.append(
                    f"{name}: {count:,} relevant documents have their query's id; never found"
                )
    else:
        for name, part in parts.items():
            if count := count_among_documents(part.queries, documents, positions):
                notes.append(
                    f"{name}: {count:,} of {len(part.queries):,} queries are documents too, by id "
                    "and text; ignore_identical_ids=true leaves each out of its own ranking"
                )
    if source.bm25_tokens == "words":
        unread = [
            name
            for name, part in parts.items()
            if lacks_spaces(text for _, text in part.queries[:SAMPLE])
        ]
        if unread:
            notes.append(
                f"{', '.join(unread)}: written without spaces, so BM25 cannot read it and finds "
                'hardly anything; bm25_tokens="char-2" makes it match pairs of characters'
            )
    return notes


def _chosen(source: Source) -> dict[str, Any]:
    """The options that affect rankings, if they differ from their defaults."""
    chosen: dict[str, Any] = {}
    if source.ignore_identical_ids:
        chosen["ignore_identical_ids"] = True
    if source.bm25_tokens != "words":
        chosen["bm25_tokens"] = source.bm25_tokens
    return chosen


def _carve_dev(train: PartRows) -> tuple[PartRows, PartRows]:
    """(the train part without the carved queries, the carved dev part)."""
    ids = [id for id, _ in train.queries]
    by_hash = sorted(ids, key=lambda id: hashlib.sha256(f"dev part {id}".encode()).digest())
    count = min(DEV_MOST, max(2, round(DEV_SHARE * len(by_hash))))
    if count >= len(by_hash):
        raise InputError(f"{len(by_hash)} train queries are too few to carve a dev part from")
    dev = set(by_hash[:count])
    return train.only(lambda id, _: id not in dev), train.only(lambda id, _: id in dev)


def _check_leaks(raw: RawCollection, parts: Mapping[str, PartRows]) -> None:
    for test in (name for name in parts if name.startswith("test")):
        held_out = {id for id, _ in parts[test].queries}
        for other in {"train", "dev"} & parts.keys():
            shared = held_out & {id for id, _ in parts[other].queries}
            if shared:
                raise InputError(
                    f"{raw.origin}: {len(shared)} queries are in {test} and in {other} (for "
                    f"example {min(shared)!r}); test queries must serve nothing else"
                )


def _documents_table(documents: Pairs, trainable: set[str] | None) -> pa.Table:
    """Ids and texts, with columns of flags if not all documents are trainable or have text."""
    table = _texts_table(documents)
    if trainable is not None:
        flags = pa.array([id in trainable for id, _ in documents])
        table = table.append_column("trainable", flags)
    searchable = [bool(text.strip()) for _, text in documents]
    return table if all(searchable) else table.append_column("searchable", pa.array(searchable))


def _texts_table(pairs: Pairs) -> pa.Table:
    ids, texts = zip(*pairs, strict=True)
    return pa.table(
        {"id": pa.array(ids, pa.large_string()), "text": pa.array(texts, pa.large_string())}
    )


def _positions_table(
    judgements: Judgements, queries: Mapping[str, int], documents: Mapping[str, int]
) -> pa.Table:
    rows = sorted(
        (queries[query], documents[document], value) for query, document, value in judgements
    )
    columns = zip(*rows, strict=True)
    names = ("query", "document", "relevance")
    return pa.table(
        {name: pa.array(column, pa.int64()) for name, column in zip(names, columns, strict=True)}
    )


def _triples_table(raw: RawCollection, train: Pairs, documents: Mapping[str, int]) -> pa.Table:
    queries = {id: position for position, (id, _) in enumerate(train)}
    rows = array("q")  # flat, because tens of millions of tuples would not fit into memory
    for line, (query, *pair) in enumerate(raw.triples or (), start=1):
        for document in pair:
            if document not in documents:
                raise InputError(f"{raw.origin}: triple {line} names no document: {document!r}")
        if query in queries:  # not if the query was carved into dev
            rows.extend((queries[query], documents[pair[0]], documents[pair[1]]))
    if not rows:
        raise InputError(f"{raw.origin}: none of the training triples is of a train query")
    names = ("query", "positive", "negative")
    columns = np.frombuffer(rows, dtype=np.int64).reshape(-1, len(names)).T
    return pa.table(dict(zip(names, columns, strict=True)))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _fingerprint(table: pa.Table) -> str:
    """A digest of the table's values, independent of the file format."""
    state = hashlib.sha256()
    for batch in table.to_batches(max_chunksize=100_000):
        state.update(repr(batch.to_pydict()).encode())
    return state.hexdigest()[:16]


def _open(source: Source, folder: Path, about: Mapping[str, Any]) -> Collection:
    def texts(which: str) -> Texts:
        table = _read(folder / f"{which}.arrow").combine_chunks()
        return Texts(
            table["id"].combine_chunks(),
            table["text"].combine_chunks(),
            about["fingerprints"][which],
        )

    def numbers(which: str) -> np.ndarray:
        table = _read(folder / f"{which}.arrow")
        return np.stack([column.to_numpy() for column in table.columns], axis=1)

    table = _read(folder / "documents.arrow")

    def flagged(column: str) -> np.ndarray:
        if column not in table.column_names:
            return np.arange(len(table))
        return np.flatnonzero(table[column].to_numpy())

    searchable = flagged("searchable")
    return Collection(
        name=str(source),
        fingerprint=about["fingerprint"],
        documents=texts("documents"),
        parts={
            part: Part(part, texts(f"queries-{part}"), numbers(f"judgements-{part}"))
            for part in about["parts"]
        },
        trainable=np.intersect1d(flagged("trainable"), searchable),
        triples=numbers("triples") if (folder / "triples.arrow").exists() else None,
        notes=tuple(about["notes"]),
        whole=about["fingerprint"],
        searchable=searchable,
        ignore_identical_ids=source.ignore_identical_ids,
        bm25_tokens=source.bm25_tokens,
    )
