"""From any source to a checked, fingerprinted, memory-mapped collection."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.collections._judgements import Judgements, Pairs, PartRows, check_part, unique
from bench.collections._on_disk import OnDisk
from bench.collections._texts import among_documents, apart, unspaced
from bench.collections.base import Collection, Part, RawCollection, Source, Texts
from bench.errors import InputError
from bench.storage.artifacts import Artifacts, BuildReport
from bench.storage.files import digest

FORMAT = 2
"""Raised when other things are checked, left out or noted: collections are then read again."""

DEV_SHARE = 0.2
"""Where there is no dev part, this share of the train queries becomes one …"""
DEV_MOST = 2000
"""… but at most so many queries."""

SAMPLE = 1000
"""Queries of a part that say how its language is written."""


def prepare(source: Source, artifacts: Artifacts) -> Collection:
    """Read, check and store the collection, or open it where that has been done.

    Raises:
        InputError: a duplicate id, an empty query, judgements mostly of something that is not
            there, a part without judgements, or a query that is both in test and in train or dev.
    """
    specification = _specification(source)
    artifact = artifacts.get("collection", specification, lambda folder: _store(source, folder))
    return _open(source, artifact.folder, artifact.about)


def is_prepared(source: Source, artifacts: Artifacts) -> bool:
    """Whether `prepare` would open it."""
    return artifacts.has("collection", _specification(source))


def is_at_hand(source: Source, artifacts: Artifacts) -> bool:
    """Whether opening it fetches nothing."""
    return isinstance(source, OnDisk) or is_prepared(source, artifacts)


def differing_tables(artifacts: Artifacts, one: str, other: str) -> list[str]:
    """Which tables (documents, queries-test, …) differ between two prepared collections, by their
    fingerprints; nothing where one of them is not there any more."""
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
    documents = unique(raw.documents, raw.origin, "document")
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
    """The parts, each checked, dev among them, and no query in two of them; what was done to it."""
    parts, notes = {}, list(raw.notes)
    for name, part in raw.parts.items():
        parts[name], more = check_part(name, part, positions)
        notes += more
    _check_leaks(raw, parts)
    tests = [name for name in parts if name.startswith("test")]
    learned = [name for name in ("train", "dev") if name in parts]
    parts, more = apart(parts, tests, learned, raw.origin)
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
        parts, more = apart(parts, ["dev"], ["train"], raw.origin)
        notes += more
    return parts, notes


def _oddities(
    source: Source, documents: Pairs, positions: Mapping[str, int], parts: Mapping[str, PartRows]
) -> list[str]:
    """What a reader of the results has to know of texts, a sentence each."""
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
            if count := among_documents(part.queries, documents, positions):
                notes.append(
                    f"{name}: {count:,} of {len(part.queries):,} queries are documents too, by id "
                    "and text; ignore_identical_ids=true leaves each out of its own ranking"
                )
    if source.bm25_tokens == "words":
        unread = [
            name
            for name, part in parts.items()
            if unspaced(text for _, text in part.queries[:SAMPLE])
        ]
        if unread:
            notes.append(
                f"{', '.join(unread)}: written without spaces, so BM25 cannot read it and finds "
                'hardly anything; bm25_tokens="char-2" makes it match pairs of characters'
            )
    return notes


def _chosen(source: Source) -> dict[str, Any]:
    """The options by which rankings differ, where they are not what they are for most."""
    chosen: dict[str, Any] = {}
    if source.ignore_identical_ids:
        chosen["ignore_identical_ids"] = True
    if source.bm25_tokens != "words":
        chosen["bm25_tokens"] = source.bm25_tokens
    return chosen


def _carve_dev(train: PartRows) -> tuple[PartRows, PartRows]:
    """The train part without its dev queries, and those."""
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
    """Ids and texts, with a column of flags where not every document is trainable or has a text."""
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
    rows = array("q")  # flat: tuples of tens of millions would not fit
    for line, (query, *pair) in enumerate(raw.triples or (), start=1):
        for document in pair:
            if document not in documents:
                raise InputError(f"{raw.origin}: triple {line} names no document: {document!r}")
        if query in queries:  # a train query that was carved into dev trains nothing
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
    """Over the values alone, whatever the file format does around them."""
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
