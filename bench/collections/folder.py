"""A BEIR folder on disk: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/<part>.tsv``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import collections
from bench.collections._lines import columns, json_lines, relevance
from bench.collections.base import RawCollection, RawPart, Source
from bench.errors import InputError
from bench.files import file_digest


@collections.register("folder", version=1)
@dataclass(frozen=True)
class Folder(Source):
    """A BEIR folder: corpus.jsonl, queries.jsonl and qrels/*.tsv.

    A document is its title, a space, and its text. ``train``, ``dev`` and ``test`` name the files
    in ``qrels/``; without a ``dev`` file a dev part is carved from train; a folder without train
    judgements can be evaluated on but not trained on.

    Read by us and not by ir_datasets, which would keep serving an older copy of a changed file.
    """

    path: str
    train: str = "train"
    dev: str = "dev"
    test: str = "test"

    def __post_init__(self) -> None:
        if self.test in (self.train, self.dev):
            raise ValueError(f"test ({self.test!r}) must not also be the train or the dev part")

    @property
    def root(self) -> Path:
        return Path(self.path).expanduser()

    def _part_files(self) -> dict[str, Path]:
        files = {name: self.root / "qrels" / f"{getattr(self, name)}.tsv" for name in PARTS}
        # A part under its usual name may be missing; one the user named may not.
        return {
            name: file for name, file in files.items() if file.exists() or file.stem != name
        } or files

    def identity(self) -> dict[str, Any]:
        files = [self.root / "corpus.jsonl", self.root / "queries.jsonl"]
        files += self._part_files().values()
        for file in files:
            if not file.is_file():
                raise InputError(
                    f"{file}: there is no such file; a BEIR folder has corpus.jsonl, "
                    "queries.jsonl, qrels/train.tsv and qrels/test.tsv"
                )
        return {file.name: file_digest(file) for file in files}

    def read(self) -> RawCollection:
        corpus = self.root / "corpus.jsonl"
        queries = _queries(self.root / "queries.jsonl")
        return RawCollection(
            documents=_documents(corpus),
            parts={name: _part(file, queries) for name, file in self._part_files().items()},
            origin=str(corpus),
        )


PARTS = ("train", "dev", "test")


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
