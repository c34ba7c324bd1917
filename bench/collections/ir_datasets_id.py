"""Any collection that ir_datasets knows by an id."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import Annotated, Any

from annotated_types import Ge

from bench import collections
from bench.collections.base import RawCollection, RawPart, Source
from bench.errors import BenchError, InputError, did_you_mean


@collections.register("ir-datasets", version=1)
@dataclass(frozen=True)
class IrDatasets(Source):
    """Any ir_datasets id, with a train, dev and test part.

    ``id`` gives the documents. ``train``, ``dev`` and ``test`` are the ids of the parts; empty
    means ``<id>/train``, ``<id>/dev`` and ``<id>/test`` where they exist (a missing dev is carved
    from train). ``docpairs`` takes the first so many of train's own triples
    (query, positive, negative).
    """

    id: str
    train: str = ""
    dev: str = ""
    test: str = ""
    docpairs: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        if self.test and self.test in (self.train, self.dev):
            raise ValueError(f"test ({self.test!r}) must not also be the train or the dev part")

    def _part_ids(self) -> dict[str, str]:
        import ir_datasets

        parts = {}
        for name in ("train", "dev", "test"):
            part = getattr(self, name) or f"{self.id}/{name}"
            # A part under its usual name may be missing; one the user named may not.
            if getattr(self, name) or is_known(part):
                parts[name] = part
        if not parts:
            raise InputError(f"ir-datasets: {self.id} has no train, dev or test part; name them")
        for part in (self.id, *parts.values()):
            if not is_known(part):
                hint = did_you_mean(part, [str(id) for id in ir_datasets.registry])
                raise InputError(f"ir-datasets: no data set is named {part!r}{_shorten(hint)}")
        return parts

    def identity(self) -> dict[str, Any]:
        return {"parts": self._part_ids(), "ir_datasets": version("ir_datasets")}

    def read(self) -> RawCollection:
        import ir_datasets

        try:
            parts = {
                name: RawPart(
                    [(query.query_id, query.default_text()) for query in data.queries_iter()],
                    list(_judgements(data)),
                    part,
                )
                for name, part in self._part_ids().items()
                for data in [ir_datasets.load(part)]
            }
            return RawCollection(
                documents=[
                    (document.doc_id, document.default_text())
                    for document in ir_datasets.load(self.id).docs_iter()
                ],
                parts=parts,
                origin=self.id,
                triples=self._triples() if self.docpairs else None,
            )
        except (OSError, RuntimeError) as error:
            raise BenchError(
                f"ir-datasets: {self.id} could not be fetched or read: {error}"
            ) from error

    def _triples(self) -> list[tuple[str, str, str]]:
        import ir_datasets

        data = ir_datasets.load(self._part_ids()["train"])
        if not data.has_docpairs():
            raise InputError(f"ir-datasets: {self._part_ids()['train']} has no docpairs")
        pairs = islice(data.docpairs_iter(), self.docpairs)
        return [(pair.query_id, pair.doc_id_a, pair.doc_id_b) for pair in pairs]


def _judgements(data: Any) -> Iterator[tuple[str, str, int]]:
    for row in data.qrels_iter():
        yield row.query_id, row.doc_id, int(row.relevance)


def is_known(id: str) -> bool:
    """Whether ir_datasets has a data set of that id."""
    import ir_datasets

    try:
        ir_datasets.registry[id]
    except KeyError:
        return False
    return True


def _shorten(hint: str) -> str:
    return hint if len(hint) < 200 else ""
