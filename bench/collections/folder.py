"""A BEIR folder on disk: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/<part>.tsv``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import collections
from bench.collections._lines import columns, json_lines, relevance
from bench.collections._on_disk import OnDisk
from bench.collections.base import RawCollection, RawPart
from bench.errors import InputError


@collections.register("folder", version=1)
@dataclass(frozen=True)
class Folder(OnDisk):
    """A BEIR folder: corpus.jsonl, queries.jsonl and qrels/*.tsv.

    A document is its title, a space, and its text. ``train``, ``dev`` and ``test`` name the files
    in ``qrels/``; without a ``dev`` file a dev part is carved from train; a folder without train
    judgements can be evaluated on but not trained on.

    Read by us and not by ir_datasets, which would keep serving an older copy of a changed file.
    """

    def _judgements(self) -> dict[str, Path]:
        return self.judgements(lambda part: self.root / "qrels" / f"{part}.tsv")

    def identity(self) -> dict[str, Any]:
        files = [self.root / "corpus.jsonl", self.root / "queries.jsonl"]
        layout = "a BEIR folder has corpus.jsonl, queries.jsonl, qrels/train.tsv and qrels/test.tsv"
        return self.digests([*files, *self._judgements().values()], layout)

    def read(self) -> RawCollection:
        corpus = self.root / "corpus.jsonl"
        queries = _queries(self.root / "queries.jsonl")
        return RawCollection(
            documents=_documents(corpus),
            parts={name: _part(file, queries) for name, file in self._judgements().items()},
            origin=str(corpus),
        )


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    for _, document in json_lines(path, "_id", "text"):
        title = document.get("title") or ""
        yield document["_id"], f"{title} {document['text']}".strip()


def _queries(path: Path) -> dict[str, str]:
    queries: dict[str, str] = {}
    for number, query in json_lines(path, "_id", "text"):
        id, text = query["_id"], query["text"]
        if id in queries:
            raise InputError(f"{path}:{number}: the query id {id!r} stands there twice")
        if not text.strip():
            raise InputError(f"{path}:{number}: query {id!r} is empty")
        queries[id] = text
    return queries


def _part(path: Path, queries: dict[str, str]) -> RawPart:
    judgements = []
    for number, (query, document, grade) in columns(path, 3):
        if number == 1 and not _is_grade(grade):
            continue  # the header that BEIR writes
        judgements.append((query, document, relevance(path, number, grade)))
    judged = {query for query, _, _ in judgements}
    # A judgement of an unknown query is reported with the other checks, once.
    return RawPart(
        [(id, text) for id, text in queries.items() if id in judged], judgements, str(path)
    )


def _is_grade(field: str) -> bool:
    return field.strip().lstrip("-").isdigit()
