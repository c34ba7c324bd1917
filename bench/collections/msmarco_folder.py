"""MS MARCO-style TSV files on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import collections
from bench.collections._lines import check_id, columns, queries_by_id, text_lines
from bench.collections._on_disk import OnDisk
from bench.collections._qrels import read_judgements
from bench.collections.base import RawCollection, RawPart
from bench.errors import InputError


@collections.register("msmarco-folder", version=1)
@dataclass(frozen=True)
class MsMarcoFolder(OnDisk):
    """MS MARCO-style files: collection.tsv, queries.*.tsv, qrels.*.tsv, triples.train.tsv.

    ``collection.tsv`` and ``queries.<part>.tsv`` hold id and text; ``qrels.<part>.tsv`` holds query
    id, 0, document id, relevance; ``triples.train.tsv`` (optional) holds query id, positive id,
    negative id. ``train``, ``dev`` and ``test`` name the ``<part>`` to use for each; without a dev
    file a dev part is carved from train.
    """

    def _parts(self) -> dict[str, tuple[Path, Path]]:
        """The files of queries and of judgements of each part."""
        judgements = self.judgements(lambda part: self.root / f"qrels.{part}.tsv")
        return {
            name: (self.root / f"queries.{getattr(self, name)}.tsv", file)
            for name, file in judgements.items()
        }

    @property
    def _triples(self) -> Path:
        return self.root / f"triples.{self.train}.tsv"

    def identity(self) -> dict[str, Any]:
        files = [self.root / "collection.tsv"]
        files += [file for pair in self._parts().values() for file in pair]
        if self._triples.exists():
            files.append(self._triples)
        layout = (
            "needed are collection.tsv and, for each part, queries.<part>.tsv and qrels.<part>.tsv"
        )
        return self.digests(files, layout)

    def read(self) -> RawCollection:
        collection = self.root / "collection.tsv"
        return RawCollection(
            documents=((id, text) for _, id, text in _texts(collection, "document")),
            parts={name: _part(*files) for name, files in self._parts().items()},
            origin=str(collection),
            triples=_id_triples(self._triples) if self._triples.exists() else None,
        )


def _texts(path: Path, kind: str) -> Iterator[tuple[int, str, str]]:
    for number, (id, text) in columns(path, 2):
        yield number, check_id(id, kind, f"{path}:{number}"), text


def _part(queries: Path, qrels: Path) -> RawPart:
    by_id = queries_by_id(queries, _texts(queries, "query"))
    judgements, lines = read_judgements(qrels, _rows(qrels), by_id)
    return RawPart(list(by_id.items()), judgements, str(qrels), lines)


def _rows(path: Path) -> Iterator[tuple[int, str, str, str]]:
    for number, line in text_lines(path):
        fields = line.split()
        if len(fields) != 4:
            raise InputError(f"{path}:{number}: needs query id, 0, document id, relevance")
        yield number, fields[0], fields[2], fields[3]


def _id_triples(path: Path) -> Iterator[tuple[str, str, str]]:
    for _, (query, positive, negative) in columns(path, 3):
        yield query, positive, negative
