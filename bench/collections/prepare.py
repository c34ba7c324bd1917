"""From any source to a checked, fingerprinted, memory-mapped collection."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.artifacts import Artifacts, Made
from bench.collections.base import Collection, Part, RawCollection, RawPart, Source, Texts
from bench.errors import InputError
from bench.files import digest

DEV_SHARE = 0.2
"""Where there is no dev part, this share of the train queries becomes one …"""
DEV_MOST = 2000
"""… but at most so many queries."""


def prepare(source: Source, artifacts: Artifacts) -> Collection:
    """Read, check and store the collection, or open it where that has been done.

    Raises:
        InputError: a duplicate id, an empty query, a judgement of something that is not there, a
            part without judgements, or a query that is both in test and in train or dev.
    """
    specification = _specification(source)
    artifact = artifacts.get("collection", specification, lambda folder: _store(source, folder))
    return _open(str(source), artifact.folder, artifact.about)


def is_prepared(source: Source, artifacts: Artifacts) -> bool:
    """Whether `prepare` would open it."""
    return artifacts.has("collection", _specification(source))


def _specification(source: Source) -> dict[str, Any]:
    return {"source": source.specification, "content": source.identity()}


def _store(source: Source, folder: Path) -> Made:
    raw = source.read()
    documents = _unique(raw.documents, raw.origin, "document")
    positions = {id: position for position, (id, _) in enumerate(documents)}
    parts = {name: _check_part(name, part, positions) for name, part in raw.parts.items()}
    notes = list(raw.notes)
    if "train" in parts and "dev" not in parts:
        parts["train"], parts["dev"] = _carve_dev(parts["train"])
        notes.append(
            f"dev: {len(parts['dev'][0])} queries carved from train "
            f"({DEV_SHARE:.0%} of them, at most {DEV_MOST}, by a hash of the id)"
        )
    if "dev" in parts and len(parts["dev"][0]) < 2:
        raise InputError(f"{raw.parts['dev'].origin}: dev needs at least 2 queries, it has 1")
    _check_leaks(raw, parts)
    trainable = raw.trainable
    tables = {"documents": _texts_table(documents)}
    if trainable is not None:
        flags = pa.array([id in trainable for id, _ in documents])
        tables["documents"] = tables["documents"].append_column("trainable", flags)
    for name, (queries, judgements) in parts.items():
        tables[f"queries-{name}"] = _texts_table(queries)
        tables[f"judgements-{name}"] = _positions_table(
            judgements, {id: at for at, (id, _) in enumerate(queries)}, positions
        )
    if raw.triples is not None:
        tables["triples"] = _triples_table(raw, parts["train"][0], positions)
    fingerprints = {}
    for name, table in tables.items():
        _write(folder / f"{name}.arrow", table)
        fingerprints[name] = _fingerprint(table)
    about = {
        "fingerprint": digest(fingerprints),
        "fingerprints": fingerprints,
        "parts": list(parts),
        "notes": notes,
    }
    return Made(texts=len(documents), about=about)


Pairs = list[tuple[str, str]]
Judgements = list[tuple[str, str, int]]
PartRows = tuple[Pairs, Judgements]


def _unique(pairs: Iterable[tuple[str, str]], origin: str, what: str) -> Pairs:
    pairs = list(pairs)
    if not pairs:
        raise InputError(f"{origin}: there is no {what}")
    if len({id for id, _ in pairs}) < len(pairs):
        id, count = Counter(id for id, _ in pairs).most_common(1)[0]
        raise InputError(
            f"{origin}: the {what} id {id!r} stands there {count} times; ids are unique"
        )
    return pairs


def _check_part(name: str, part: RawPart, documents: Mapping[str, int]) -> PartRows:
    """The judged queries of a part, sorted by nothing: the source's order is kept."""
    queries = _unique(part.queries, part.origin, f"{name} query")
    for id, text in queries:
        if not text.strip():
            raise InputError(f"{part.origin}: query {id!r} is empty")
    known = {id for id, _ in queries}
    judgements = list(part.judgements)
    for position, place, what in ((0, known, "queries"), (1, documents, "documents")):
        missing = [row[position] for row in judgements if row[position] not in place]
        if missing:
            raise InputError(
                f"{part.origin}: {len(missing)} judgements ({name}) name {what} that are not "
                f"there; the first is {missing[0]!r}"
            )
    twice = Counter((query, document) for query, document, _ in judgements)
    if twice and (most := twice.most_common(1)[0])[1] > 1:
        raise InputError(f"{part.origin}: {most[0]} is judged {most[1]} times ({name})")
    judged = {query for query, _, relevance in judgements if relevance > 0}
    if not judged:
        raise InputError(f"{part.origin}: no {name} query has a relevant document")
    return (
        [query for query in queries if query[0] in judged],
        [row for row in judgements if row[0] in judged],
    )


def _carve_dev(train: PartRows) -> tuple[PartRows, PartRows]:
    """The train part without its dev queries, and those."""
    ids = [id for id, _ in train[0]]
    by_hash = sorted(ids, key=lambda id: hashlib.sha256(f"dev part {id}".encode()).digest())
    count = min(DEV_MOST, max(2, round(DEV_SHARE * len(by_hash))))
    if count >= len(by_hash):
        raise InputError(f"{len(by_hash)} train queries are too few to carve a dev part from")
    dev = set(by_hash[:count])

    def select(in_dev: bool) -> PartRows:
        queries, judgements = train
        return (
            [query for query in queries if (query[0] in dev) == in_dev],
            [row for row in judgements if (row[0] in dev) == in_dev],
        )

    return select(False), select(True)


def _check_leaks(raw: RawCollection, parts: Mapping[str, PartRows]) -> None:
    for test in (name for name in parts if name.startswith("test")):
        held_out = {id for id, _ in parts[test][0]}
        for other in {"train", "dev"} & parts.keys():
            shared = held_out & {id for id, _ in parts[other][0]}
            if shared:
                raise InputError(
                    f"{raw.origin}: {len(shared)} queries are in {test} and in {other} (for "
                    f"example {min(shared)!r}); test queries must serve nothing else"
                )


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


def _open(name: str, folder: Path, about: Mapping[str, Any]) -> Collection:
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

    documents = _read(folder / "documents.arrow")
    trainable = np.arange(len(documents))
    if "trainable" in documents.column_names:
        trainable = np.flatnonzero(documents["trainable"].to_numpy())
    return Collection(
        name=name,
        fingerprint=about["fingerprint"],
        documents=texts("documents"),
        parts={
            part: Part(part, texts(f"queries-{part}"), numbers(f"judgements-{part}"))
            for part in about["parts"]
        },
        trainable=trainable,
        triples=numbers("triples") if (folder / "triples.arrow").exists() else None,
        notes=tuple(about["notes"]),
        whole=about["fingerprint"],
    )
