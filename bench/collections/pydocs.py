"""The built-in collection ``pydocs``: docstrings of packages that are installed with this one.

A query is the summary of a public function's or class's docstring; its relevant document is the
prose after it. It is a real retrieval task that exists on every machine, needs no download, and
changes only with the versions of our dependencies. It is meant for trying things out: no user
asked these queries, and most have one judged document, so no verdict about a paper's claim is
given on it.
"""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from itertools import chain, pairwise
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge

from bench import collections
from bench.collections._docstrings import Docstring, parse_docstrings, words
from bench.collections._near_duplicates import components, similar_pairs, trigrams
from bench.collections.base import RawCollection, RawPart, Source
from bench.errors import InputError
from bench.miniature import AtMost

UNSEEN = ("fonttools", "jinja2", "optuna")
"""The packages of ``test-unseen``: three subjects that do not occur in train."""

PACKAGES = (
    "alembic",
    "click",
    "flask",
    "fsspec",
    "gitpython",
    "huggingface-hub",
    "joblib",
    "matplotlib",
    "mlflow",
    "networkx",
    "numpy",
    "pandas",
    "pillow",
    "pydantic",
    "rich",
    "scikit-learn",
    "scipy",
    "sqlalchemy",
    "transformers",
    "werkzeug",
    *UNSEEN,
)
"""Direct and indirect dependencies of ours; other installed packages are not read."""

_NOT_OURS = ("test", "conftest", "benchmark", "vendor", "extern", "distutils")
"""Folders and modules whose names begin so (after underscores) are left out: they are tests or
copies of other packages."""
_LEFT_OUT = ("scipy/_lib/", "transformers/models/")
"""Further folders that are left out: other projects' code, and hundreds of near-copies."""

PARTS = ("train", "dev", "test", "test-unseen")


@collections.register("pydocs", version=1)
@dataclass(frozen=True)
class PyDocs(Source):
    """Docstrings of installed packages, summary → rest: runs anywhere, but is no evidence.

    Documents that are near-duplicates (word-trigram Jaccard ≥ 0.7, directly or through others) or
    share a query are in the same part, chosen by a hash: about 80 % train, 10 % dev, 10 % test.
    ``test-unseen`` has all documents of three packages, and others that are connected with these.
    All documents are searched; only those of train may be training negatives.

    ``documents`` is how many to take (0: all). The choice is always the same, a smaller number
    lies within a larger one, and the parts keep their shares.
    """

    documents: Annotated[int, Ge(0), AtMost(300, zero=300)] = 0

    def part_names(self) -> frozenset[str]:
        return frozenset(PARTS)

    def identity(self) -> dict[str, Any]:
        return {"packages": {name: _installed(name).version for name in PACKAGES}, "format": 1}

    def read(self) -> RawCollection:
        with _no_garbage_collection():
            corpus = assemble(extract())
        if self.documents > len(corpus.texts):
            raise InputError(
                f"{self}: there are only {len(corpus.texts)} documents; "
                "ask for at most so many, or for 0 to have all"
            )
        chosen = set(corpus.ordered()[: self.documents or None])
        parts = {name: corpus.part(name, chosen) for name in PARTS}
        for name, part in parts.items():
            if len(list(part.queries)) < 2:
                raise InputError(f"{self}: {name} has fewer than 2 queries; take more documents")
        return RawCollection(
            documents=[(id, text) for id, text in corpus.texts.items() if id in chosen],
            parts=parts,
            origin="pydocs",
            trainable={id for id in chosen if corpus.parts[id] == "train"},
            notes=[f"{len(chosen)} documents of {corpus.note()}"],
        )


class PackageDocstring(NamedTuple):
    """A docstring and the package that it is from."""

    package: str
    docstring: Docstring


def extract() -> list[PackageDocstring]:
    """All usable docstrings of all packages.

    Raises:
        InputError: a package is not installed, or is installed without a list of its files.
    """
    return [
        PackageDocstring(package, docstring)
        for package in PACKAGES
        for file, module in _modules(_installed(package))
        for docstring in parse_docstrings(file.read_binary(), module)
    ]


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise InputError(
            f"pydocs: the package {name} is not installed; run: pip install {name}"
        ) from None


def _modules(package: Distribution) -> Iterator[tuple[PackagePath, str]]:
    """(file, dotted name) of a package's own modules, without tests."""
    if package.files is None:
        raise InputError(
            f"pydocs: {package.name} is installed without a list of its files; "
            f"run: pip install --force-reinstall {package.name}"
        )
    for file in sorted(package.files, key=str):
        names = file.with_suffix("").parts
        if (
            file.suffix == ".py"
            and all(name.isidentifier() for name in names)  # scripts, templates, ../../bin
            and not any(name.lstrip("_").startswith(_NOT_OURS) for name in names)
            and not file.as_posix().startswith(_LEFT_OUT)
        ):
            module = names[:-1] if names[-1] == "__init__" else names
            yield file, ".".join(module)


@dataclass(frozen=True)
class Corpus:
    """All documents and queries, before a number of documents is chosen.

    Attributes:
        texts: the text of each document by its id, sorted by id.
        queries: (id, text, ids of the relevant documents).
        components: each document's component of near-duplicates, named after its smallest id.
        parts: each document's part.
    """

    texts: dict[str, str]
    queries: list[tuple[str, str, list[str]]]
    components: dict[str, str]
    parts: dict[str, str]

    def ordered(self) -> list[str]:
        """The ids in the order in which documents are chosen, so that parts grow in proportion.

        Within a part they are ordered by component, so that near-duplicates are chosen together.
        """
        taken = Counter[str]()
        sizes = Counter(self.parts.values())
        due = {}
        for id in sorted(self.texts, key=lambda id: (_hash("order", self.components[id]), id)):
            part = self.parts[id]
            taken[part] += 1
            due[id] = ((taken[part] - 0.5) / sizes[part], part)
        return sorted(due, key=due.__getitem__)

    def part(self, name: str, chosen: Set[str]) -> RawPart:
        """The queries of this part that have a relevant document among the chosen ones."""
        judged = [
            (id, text, [document for document in relevant if document in chosen])
            for id, text, relevant in self.queries
            if self.parts[relevant[0]] == name
        ]
        return RawPart(
            queries=[(id, text) for id, text, relevant in judged if relevant],
            judgements=[(id, document, 1) for id, _, relevant in judged for document in relevant],
            origin="pydocs",
        )

    def note(self) -> str:
        sizes = Counter(self.components.values())
        return (
            f"{len(self.texts)}, which are in {len(sizes)} components of near-duplicates (the "
            f"largest has {max(sizes.values())}), from the docstrings of {', '.join(PACKAGES)}; "
            f"test-unseen has those of {', '.join(UNSEEN)}"
        )


def assemble(docstrings: Sequence[PackageDocstring]) -> Corpus:
    """Merge docstrings of the same words, connect near-duplicates, and assign parts.

    If several docstrings have the same name (a property and its setter), the first is used.
    """
    ids: dict[tuple[str, ...], str] = {}
    texts: dict[str, str] = {}
    unseen: set[str] = set()
    queries: dict[tuple[str, ...], tuple[str, str, list[str]]] = {}
    unique = {one.docstring.name: one for one in reversed(docstrings)}
    for name, (package, (_, summary, body)) in sorted(unique.items()):
        document = ids.setdefault(tuple(words(body)), name)
        texts.setdefault(document, body)
        if package in UNSEEN:
            unseen.add(document)
        _, _, relevant = queries.setdefault(tuple(words(summary)), (f"q:{name}", summary, []))
        if document not in relevant:
            relevant.append(document)
    connected = _components(texts, (relevant for _, _, relevant in queries.values()))
    held_out = {connected[id] for id in unseen}
    return Corpus(
        texts=texts,
        queries=list(queries.values()),
        components=connected,
        parts={
            id: "test-unseen" if component in held_out else _part(component)
            for id, component in connected.items()
        },
    )


def _components(texts: Mapping[str, str], linked: Iterable[Sequence[str]]) -> dict[str, str]:
    """The smallest id in each document's component.

    Args:
        linked: groups of ids that belong to one component because they share a query.
    """
    ids = list(texts)
    positions = {id: position for position, id in enumerate(ids)}
    similar = similar_pairs([trigrams(words(text)) for text in texts.values()])
    pairs = ((positions[a], positions[b]) for group in linked for a, b in pairwise(group))
    smallest = components(len(ids), chain(pairs, similar))
    return {id: ids[position] for id, position in zip(ids, smallest, strict=True)}


def _part(component: str) -> str:
    share = int(_hash("part", component), 16) / 16**64
    return "test" if share < 0.1 else "dev" if share < 0.2 else "train"


def _hash(purpose: str, component: str) -> str:
    return hashlib.sha256(f"{purpose} {component}".encode()).hexdigest()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause garbage collection: syntax trees have no cycles, and looking for some costs a fifth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
