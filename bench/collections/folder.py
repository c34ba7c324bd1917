"""A BEIR folder on disk: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/<part>.tsv``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import collections
from bench.collections._lines import columns, json_texts, queries_by_id, text_of
from bench.collections._on_disk import OnDisk
from bench.collections._qrels import read_judgements
from bench.collections.base import RawCollection, RawPart


@collections.register("folder", version=1)
@dataclass(frozen=True)
class Folder(OnDisk):
    """A BEIR folder: corpus.jsonl, queries.jsonl and qrels/*.tsv.

    A document is its title, a space, and its text. ``train``, ``dev`` and ``test`` name the files
    in ``qrels/``; without a ``dev`` file a dev part is carved from train; a folder without train
    judgements can be evaluated on but not trained on.

    ir_datasets is not used, because it would keep an older copy of a changed file.
    """

    def _judgements(self) -> dict[str, Path]:
        return self.judgements(lambda part: self.root / "qrels" / f"{part}.tsv")

    def identity(self) -> dict[str, Any]:
        files = [self.root / "corpus.jsonl", self.root / "queries.jsonl"]
        layout = "a BEIR folder has corpus.jsonl, queries.jsonl, qrels/train.tsv and qrels/test.tsv"
        return self.digests([*files, *self._judgements().values()], layout)

    def read(self) -> RawCollection:
        corpus, file = self.root / "corpus.jsonl", self.root / "queries.jsonl"
        rows = ((number, id, text) for number, id, text, _ in json_texts(file, "query"))
        queries = queries_by_id(file, rows)
        parts = {name: _part(file, queries) for name, file in self._judgements().items()}
        judged = {id for part in parts.values() for id, _ in part.queries}
        notes = []
        if unused := len(queries) - len(judged):
            notes.append(f"{unused:,} of {len(queries):,} queries are judged in no part; left out")
        return RawCollection(_documents(corpus), parts, origin=str(corpus), notes=notes)


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    for number, id, text, document in json_texts(path, "document"):
        title = document.get("title")
        before = "" if title is None else text_of(title, "title", f"{path}:{number}")
        yield id, f"{before} {text}".strip()


def _part(path: Path, queries: dict[str, str]) -> RawPart:
    rows = ((number, query, document, text) for number, (query, document, text) in columns(path, 3))
    judgements, lines = read_judgements(path, rows, queries)
    judged = {query for query, _, _ in judgements}
    # Judgements of unknown queries are reported by later checks. If all are unknown, keep all
    # queries, so that these checks can say how the ids differ.
    kept = [(id, text) for id, text in queries.items() if id in judged] or list(queries.items())
    return RawPart(kept, judgements, str(path), lines)
