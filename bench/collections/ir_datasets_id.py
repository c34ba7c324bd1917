"""Collections from ir_datasets."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from bench import collections
from bench.collections._qrels import grade
from bench.collections.base import RawCollection, RawPart, Source
from bench.errors import BenchError, InputError, did_you_mean
from bench.lazy import Library
from bench.miniature import AtMost

if TYPE_CHECKING:
    import ir_datasets
else:
    ir_datasets = Library("ir_datasets")

CARVE = "carve"
"""Value of ``dev`` that takes a share of the train queries instead of the data set's dev part."""


@collections.register("ir-datasets", version=1)
@dataclass(frozen=True)
class IrDatasets(Source):
    """Any ir_datasets id, with a train, dev and test part, and perhaps further test parts.

    ``id`` gives the documents. ``train``, ``dev`` and ``test`` are the ids of the parts; empty
    means ``<id>/train``, ``<id>/dev`` and ``<id>/test`` if they exist, and for ``test`` ``id``
    itself if it has judgements and there is no ``<id>/test``. If there is no dev part, or with
    ``dev="carve"``, dev is carved from train.

    ``further`` names more test parts over the same documents by their ids. The name of each is
    ``test-`` and the part of its id that ``id`` does not have: with ``msmarco-passage``, the part
    ``msmarco-passage/trec-dl-2020/judged`` is ``test-trec-dl-2020-judged``. Judgements keep their
    grades.

    ``docpairs`` takes this many of train's own triples (query, positive, negative), from the
    start. ``pairs_per_query`` keeps only queries that have at least this many among these, and
    the first this many of each (arXiv 2407.21515 trains on 128 of each query).
    """

    id: str
    train: str = ""
    dev: str = ""
    test: str = ""
    further: tuple[str, ...] = ()
    docpairs: Annotated[int, Ge(0)] = 0
    pairs_per_query: Annotated[int, Ge(0), AtMost(4)] = 0

    def __post_init__(self) -> None:
        if self.test and self.test in (self.train, self.dev):
            raise ValueError(f"test ({self.test!r}) must not also be the train or the dev part")
        others = {name: getattr(self, name) or f"{self.id}/{name}" for name in ("train", "dev")}
        others["test"] = self.test or f"{self.id}/test"
        for part in self.further:
            for name, other in others.items():
                if part == other:
                    raise ValueError(f"further: {part!r} must not also be the {name} part")
        for part, count in Counter(map(self._further_name, self.further)).items():
            if count > 1:
                raise ValueError(f"further: {count} parts would be called {part!r}")
        if self.pairs_per_query and not self.docpairs:
            raise ValueError("pairs_per_query chooses among docpairs, and docpairs is 0")

    def _further_name(self, part: str) -> str:
        own, other = self.id.split("/"), part.split("/")
        rest = [step for at, step in enumerate(other) if other[: at + 1] != own[: at + 1]]
        return "-".join(["test", *(rest or other)])

    def _part_ids(self) -> dict[str, str]:
        """The id of each part, by the part's name.

        Raises:
            InputError: an id is unknown, there is no part, or a part has other documents.
        """
        parts = {}
        for name in ("train", "dev", "test"):
            part = getattr(self, name) or f"{self.id}/{name}"
            # A part with its default name may be missing; one that the user named may not.
            named = bool(getattr(self, name))
            if (named or is_known(part)) and (name, part) != ("dev", CARVE):
                parts[name] = part
        parts |= {self._further_name(part): part for part in self.further}
        for part in (self.id, *parts.values()):
            check_known(part)
        if "test" not in parts and self.id not in parts.values() and load(self.id).has_qrels():
            parts["test"] = self.id
        if not parts:
            raise InputError(f"ir-datasets: {self.id} has no train, dev or test part; name them")
        if self.docpairs and "train" not in parts:
            raise InputError(f"ir-datasets: {self.id} has no train part to take docpairs of")
        for part in parts.values():
            if documents_of(part) != documents_of(self.id):
                raise InputError(
                    f"ir-datasets: {part} is judged over the documents of {documents_of(part)}, "
                    f"not over those of {documents_of(self.id)}, which {self.id} has"
                )
        return parts

    def part_names(self) -> frozenset[str]:
        parts = self._part_ids().keys()
        return frozenset(parts | {"dev"} if "train" in parts else parts)

    def identity(self) -> dict[str, Any]:
        return {"parts": self._part_ids(), "ir_datasets": version("ir_datasets")}

    def read(self) -> RawCollection:
        with _reading(self.id):
            parts = {
                name: RawPart(
                    [(query.query_id, _text(query)) for query in data.queries_iter()],
                    list(_judgements(data, part)),
                    part,
                )
                for name, part in self._part_ids().items()
                for data in [load(part)]
            }
            return RawCollection(
                documents=[
                    (document.doc_id, _text(document)) for document in load(self.id).docs_iter()
                ],
                parts=parts,
                origin=self.id,
                triples=self._triples(parts["train"].origin) if self.docpairs else None,
            )

    def _triples(self, train: str) -> Iterator[tuple[str, str, str]]:
        """The train part's triples, read lazily because there may be hundreds of millions."""
        with _reading(self.id):
            data = load(train)
            if not data.has_docpairs():
                raise InputError(f"ir-datasets: {train} has no docpairs")
            room = self._room(data)
            for pair in islice(data.docpairs_iter(), self.docpairs):
                if self.pairs_per_query:
                    if not room[pair.query_id]:
                        continue
                    room[pair.query_id] -= 1
                yield pair.query_id, pair.doc_id_a, pair.doc_id_b

    def _room(self, data: Any) -> Counter[str]:
        """How many triples to take of each query, for queries that have enough of them."""
        least = self.pairs_per_query
        if not least:
            return Counter()
        counts = Counter(pair.query_id for pair in islice(data.docpairs_iter(), self.docpairs))
        room = Counter({query: least for query, count in counts.items() if count >= least})
        if not room:
            raise InputError(
                f"ir-datasets: no train query of {self.id} has {least:,} of the first "
                f"{self.docpairs:,} docpairs"
            )
        return room


def load(id: str) -> Any:
    """The data set of that id; it is downloaded when first read."""
    return _load(id)


@contextmanager
def override_load(source: Callable[[str], Any]) -> Iterator[None]:
    """Within, this gives the data set of an id."""
    global _load
    real, _load = _load, source
    try:
        yield
    finally:
        _load = real


def _from_library(id: str) -> Any:
    return ir_datasets.load(id)


_load: Callable[[str], Any] = _from_library


def documents_of(id: str) -> str:
    """The id of the data set that holds this data set's documents."""
    return str(ir_datasets.docs_parent_id(id))


def is_known(id: str) -> bool:
    """Whether ir_datasets has a data set of that id."""
    try:
        ir_datasets.registry[id]
    except KeyError:
        return False
    return True


def check_known(id: str) -> None:
    """Raise `InputError` if ir_datasets has no data set of that id."""
    if not is_known(id):
        hint = did_you_mean(id, [str(known) for known in ir_datasets.registry])
        raise InputError(f"ir-datasets: no data set is named {id!r}{_shorten(hint)}")


def _text(row: Any) -> str:
    """The text of a document or query that ir_datasets proposes for searching."""
    if not hasattr(row, "default_text"):
        raise InputError(f"ir-datasets: {type(row).__name__} has no text of its own to search")
    return str(row.default_text())


def _judgements(data: Any, part: str) -> Iterator[tuple[str, str, int]]:
    for row in data.qrels_iter():
        yield row.query_id, row.doc_id, grade(str(row.relevance), f"ir-datasets: {part}")


@contextmanager
def _reading(id: str) -> Iterator[None]:
    """Name the data set in errors of downloading and reading."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise BenchError(f"ir-datasets: {id} could not be fetched or read: {error}") from error


def _shorten(hint: str) -> str:
    return hint if len(hint) < 200 else ""
