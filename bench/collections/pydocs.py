"""The built-in collection ``pydocs``: docstrings of packages that are installed anyway.

A query is the summary of a public function's or class's docstring, its relevant document the prose
of the rest. That is a real retrieval task which is on every machine, needs no download and changes
only with the versions of our own dependencies. It is a stand-in to try things on: nobody asked
these queries and most have one judged document, so no verdict about a paper's claim is given on it.
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
from bench.collections._docstrings import Described, described, words
from bench.collections._near_duplicates import components, similar_pairs, trigrams
from bench.collections.base import RawCollection, RawPart, Source
from bench.errors import InputError
from bench.miniature import AtMost

UNSEEN = ("fonttools", "jinja2", "optuna")
"""The packages of ``test-unseen``: three subjects that train says nothing about."""

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
"""Our dependencies and what these need in turn: a package that is extra changes nothing."""

_NOT_OURS = ("test", "conftest", "benchmark", "vendor", "extern", "distutils")
"""Folders and modules that begin so, after underscores, are tests or copies of other packages …"""
_LEFT_OUT = ("scipy/_lib/", "transformers/models/")
"""… as these are: other projects' code, and hundreds of architectures copied from one another."""

PARTS = ("train", "dev", "test", "test-unseen")


@collections.register("pydocs", version=1)
@dataclass(frozen=True)
class PyDocs(Source):
    """Docstrings of installed packages, summary → rest: a stand-in that runs anywhere, no evidence.

    Documents that are near-duplicates of one another (word-trigram Jaccard ≥ 0.7, directly or
    through others) or that share a query are in one part, chosen by a hash: about 80 % train, 10 %
    dev, 10 % test. ``test-unseen`` has everything of three packages, and whatever elsewhere is
    connected with that. All documents are searched; only those of train may be training negatives.

    ``documents`` takes that many of them (0: all), the same ones every time, all of which are also
    in any larger number; the parts keep their shares.
    """

    documents: Annotated[int, Ge(0), AtMost(300, zero=300)] = 0

    def part_names(self) -> frozenset[str]:
        return frozenset(PARTS)

    def identity(self) -> dict[str, Any]:
        return {"packages": {name: _installed(name).version for name in PACKAGES}, "format": 1}

    def read(self) -> RawCollection:
        with _no_garbage_collection():
            whole = assemble(extract())
        if self.documents > len(whole.texts):
            raise InputError(
                f"{self}: there are only {len(whole.texts)} documents; "
                "ask for at most so many, or for 0 to have all"
            )
        chosen = set(whole.ordered()[: self.documents or None])
        parts = {name: whole.part(name, chosen) for name in PARTS}
        for name, part in parts.items():
            if len(list(part.queries)) < 2:
                raise InputError(f"{self}: {name} has fewer than 2 queries; take more documents")
        return RawCollection(
            documents=[(id, text) for id, text in whole.texts.items() if id in chosen],
            parts=parts,
            origin="pydocs",
            trainable={id for id in chosen if whole.parts[id] == "train"},
            notes=[f"{len(chosen)} documents of {whole.note()}"],
        )


class Found(NamedTuple):
    """A docstring and the package it is from."""

    package: str
    docstring: Described


def extract() -> list[Found]:
    """Every docstring of every package that can serve.

    Raises:
        InputError: a package is not installed, or not with the list of its files.
    """
    return [
        Found(package, docstring)
        for package in PACKAGES
        for file, module in _modules(_installed(package))
        for docstring in described(file.read_binary(), module)
    ]


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise InputError(
            f"pydocs: the package {name} is not installed; run: pip install {name}"
        ) from None


def _modules(package: Distribution) -> Iterator[tuple[PackagePath, str]]:
    """Files and dotted names of the modules that are a package's own, tests left out."""
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
class Whole:
    """All there is, before a number of documents is taken of it.

    Attributes:
        texts: the document of each id, in order of id.
        queries: (id, text, ids of the relevant documents).
        components: of each document; a component is named after its smallest id.
        parts: of each document.
    """

    texts: dict[str, str]
    queries: list[tuple[str, str, list[str]]]
    components: dict[str, str]
    parts: dict[str, str]

    def ordered(self) -> list[str]:
        """The ids in the order in which they are taken: every part grows in proportion.

        Within a part they go by component, so that near-duplicates are taken together.
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
        """The queries that have a relevant document among the chosen ones of this part."""
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


def assemble(found: Sequence[Found]) -> Whole:
    """Merge what is equal (the same words), connect what is nearly equal, give each its part.

    Of docstrings of one name (a property and its setter) the first is taken.
    """
    ids: dict[tuple[str, ...], str] = {}
    texts: dict[str, str] = {}
    unseen: set[str] = set()
    queries: dict[tuple[str, ...], tuple[str, str, list[str]]] = {}
    unique = {one.docstring.name: one for one in reversed(found)}
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
    return Whole(
        texts=texts,
        queries=list(queries.values()),
        components=connected,
        parts={
            id: "test-unseen" if component in held_out else _part(component)
            for id, component in connected.items()
        },
    )


def _components(texts: Mapping[str, str], linked: Iterable[Sequence[str]]) -> dict[str, str]:
    """The smallest id in the component of each document; documents of one query are linked."""
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
    """Syntax trees and sets of strings have no cycles; to look for some takes a fifth longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
