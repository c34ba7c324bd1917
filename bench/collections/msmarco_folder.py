"""MS MARCO-style TSV files on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import collections
from bench.collections._lines import columns, relevance, text_lines
from bench.collections.base import RawCollection, RawPart, Source
from bench.errors import InputError
from bench.files import file_digest


@collections.register("msmarco-folder", version=1)
@dataclass(frozen=True)
class MsMarcoFolder(Source):
    """MS MARCO-style files: collection.tsv, queries.*.tsv, qrels.*.tsv, triples.train.tsv.

    ``collection.tsv`` and ``queries.<part>.tsv`` hold id and text; ``qrels.<part>.tsv`` query id,
    0, document id, relevance; ``triples.train.tsv`` (optional) query id, positive id, negative id.
    ``train``, ``dev`` and ``test`` say which ``<part>`` serves as what; without a dev file a dev
    part is carved from train.
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

    def _parts(self) -> dict[str, tuple[Path, Path]]:
        parts = {}
        for name in ("train", "dev", "test"):
            part = getattr(self, name)
            files = (self.root / f"queries.{part}.tsv", self.root / f"qrels.{part}.tsv")
            # A part under its usual name may be missing; one the user named may not.
            if files[1].exists() or part != name:
                parts[name] = files
        if not parts:
            raise InputError(f"{self.root}: there is no qrels.<part>.tsv")
        return parts

    @property
    def _triples(self) -> Path:
        return self.root / f"triples.{self.train}.tsv"

    def identity(self) -> dict[str, Any]:
        files = [
            self.root / "collection.tsv",
            *(file for pair in self._parts().values() for file in pair),
        ]
        for file in files:
            if not file.is_file():
                raise InputError(
                    f"{file}: there is no such file; needed are collection.tsv and, for each part, "
                    "queries.<part>.tsv and qrels.<part>.tsv"
                )
        if self._triples.exists():
            files.append(self._triples)
        return {file.name: file_digest(file) for file in files}

    def read(self) -> RawCollection:
        collection = self.root / "collection.tsv"
        return RawCollection(
            documents=_pairs(collection),
            parts={
                name: RawPart(_pairs(queries), _judgements(qrels), str(qrels))
                for name, (queries, qrels) in self._parts().items()
            },
            origin=str(collection),
            triples=_id_triples(self._triples) if self._triples.exists() else None,
        )


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for _, (id, text) in columns(path, 2):
        yield id, text


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    for number, line in text_lines(path):
        fields = line.split()
        if len(fields) != 4:
            raise InputError(f"{path}:{number}: needs query id, 0, document id, relevance")
        yield fields[0], fields[2], relevance(path, number, fields[3])


def _id_triples(path: Path) -> Iterator[tuple[str, str, str]]:
    for _, (query, positive, negative) in columns(path, 3):
        yield query, positive, negative
